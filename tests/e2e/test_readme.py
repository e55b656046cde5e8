"""The examples in the README are what the project does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from etl.core.layout import PROJECT
from tests.conftest import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

README = (PROJECT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_example_axis_works_without_python(shipped: Workspace, tmp_path: Path) -> None:
    (axis,) = blocks("toml")
    text = shipped.filters.read_text() + axis
    (tmp_path / "filters.toml").write_text(text.replace('"likes/small"]', '"likes/small", "speech", "likes/speech"]'))
    house = Workspace(shipped.data, tmp_path / "filters.toml")
    assert house.run("manifests") == 0
    assert "openai/whisper-large-v3" in house.ids("hf-filter-speech.json")
    assert house.entry("hf-filter-likes-speech.json")["label"] == "Most liked · Speech recognition"
    assert house.run("verify") == 0


def test_the_example_session_is_the_output_of_explain(
    shipped: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    match = re.search(r"license, `(llama = .*?(keeps =\n\[.*?\]) })`.*?With `(keeps = .*?)`", README, re.DOTALL)
    assert match
    option, keeps, fixed = match.groups()
    mit = 'mit = { label = "MIT", keeps = ["mit"] }'
    text = shipped.filters.read_text().replace('"likes/small"]', '"likes/small", "llama"]')
    house = Workspace(shipped.data, tmp_path / "filters.toml")
    house.filters.write_text(text.replace(mit, f"{mit}\n{option.replace(chr(10), ' ')}"))
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-llama.json") == []
    capsys.readouterr()
    assert house.run("explain", "hf/llama") == 0
    of_this_run = f" DATA={house.data.root} FILTERS={house.filters}"  # the README's commands use the defaults
    output = capsys.readouterr().out.replace(of_this_run, "").splitlines()
    (session,) = blocks("console")
    prompt, *shown = session.splitlines()
    assert prompt == "$ make explain FILTER=hf/llama"
    assert len(shown) == 13
    for line in shown:
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert any(re.match(pattern, output_line) for output_line in output), line
    house.filters.write_text(text.replace(mit, f"{mit}\n{option.replace(keeps, fixed)}"))
    assert house.run("manifests") == 0
    assert f"the page\nhas its {len(house.ids('hf-filter-llama.json'))} models" in README


def test_the_example_files_are_the_files_on_disk(shipped: Workspace) -> None:
    assert shipped.run("manifests") == 0
    beginning, entry, model = blocks("json")
    assert (shipped.data.manifests / "hf-filter-likes-small.json").read_text().startswith(beginning)
    assert shipped.entry("hf-filter-medium.json") == json.loads(entry)
    page = json.loads((shipped.data.models("huggingface", "default") / "page-0001.json").read_text())
    assert json.loads(model) in page


def test_every_test_that_error_handling_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (PROJECT / "docs" / "error-handling.md").read_text()))
    sources = "\n".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    assert len(named) > 12
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []

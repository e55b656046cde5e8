"""What the README shows is what the project does."""

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


def test_the_axis_it_adds_works_without_python(shipped: Workspace, tmp_path: Path) -> None:
    (axis,) = blocks("toml")
    text = shipped.filters.read_text() + axis
    (tmp_path / "filters.toml").write_text(text.replace('"likes/small"]', '"likes/small", "speech", "likes/speech"]'))
    house = Workspace(shipped.data, tmp_path / "filters.toml")
    assert house.run("manifests") == 0
    assert "openai/whisper-large-v3" in house.ids("hf-filter-speech.json")
    assert house.entry("hf-filter-likes-speech.json")["label"] == "Most liked · Speech recognition"
    assert house.run("verify") == 0


def test_the_session_it_shows_is_what_explain_prints(
    shipped: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"license, `(llama = .*?(keeps =\n\[.*?\]) })`.*?With `(keeps = .*?)`", README, re.DOTALL)
    assert found
    option, keeps, right = found.groups()
    mit = 'mit = { label = "MIT", keeps = ["mit"] }'
    text = shipped.filters.read_text().replace('"likes/small"]', '"likes/small", "llama"]')
    house = Workspace(shipped.data, tmp_path / "filters.toml")
    house.filters.write_text(text.replace(mit, f"{mit}\n{option.replace(chr(10), ' ')}"))
    assert house.run("manifests") == 0
    assert house.ids("hf-filter-llama.json") == []
    capsys.readouterr()
    assert house.run("explain", "hf/llama") == 0
    of_this_run = f" DATA={house.data.root} FILTERS={house.filters}"  # the README's is one without
    told = capsys.readouterr().out.replace(of_this_run, "").splitlines()
    (session,) = blocks("console")
    prompt, *shown = session.splitlines()
    assert prompt == "$ make explain FILTER=hf/llama"
    assert len(shown) == 13
    for line in shown:
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert any(re.match(pattern, each) for each in told), line
    house.filters.write_text(text.replace(mit, f"{mit}\n{option.replace(keeps, right)}"))
    assert house.run("manifests") == 0
    assert f"the page\nhas its {len(house.ids('hf-filter-llama.json'))} models" in README


def test_the_files_it_shows_are_the_files_it_makes(shipped: Workspace) -> None:
    assert shipped.run("manifests") == 0
    beginning, entry, model = blocks("json")
    assert (shipped.data.manifests / "hf-filter-likes-small.json").read_text().startswith(beginning)
    assert shipped.entry("hf-filter-medium.json") == json.loads(entry)
    page = json.loads((shipped.data.models("huggingface", "default") / "page-0001.json").read_text())
    assert json.loads(model) in page


def test_every_test_that_error_handling_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (PROJECT / "docs" / "error-handling.md").read_text()))
    there = "\n".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    assert len(named) > 12
    assert [name for name in sorted(named) if f"def {name}(" not in there] == []

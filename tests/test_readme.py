"""What the README shows is what the project does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from etl.files import PROJECT
from tests.conftest import House

if TYPE_CHECKING:
    from pathlib import Path

README = (PROJECT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_axis_it_adds_works_without_python(shipped: House, tmp_path: Path) -> None:
    (axis,) = blocks("toml")
    text = shipped.filters.read_text() + axis
    (tmp_path / "filters.toml").write_text(text.replace('"likes/small"]', '"likes/small", "speech", "likes/speech"]'))
    house = House(shipped.data, tmp_path / "filters.toml")
    assert house.run("manifests") == 0
    assert "openai/whisper-large-v3" in house.ids("hf-filter-speech.json")
    assert house.entry("hf-filter-likes-speech.json")["label"] == "Most liked · Speech recognition"
    assert house.run("verify") == 0


def test_the_files_it_shows_are_the_files_it_makes(shipped: House) -> None:
    assert shipped.run("manifests") == 0
    beginning, entry, model = blocks("json")
    assert (shipped.data.manifests / "hf-filter-likes-small.json").read_text().startswith(beginning)
    assert shipped.entry("hf-filter-medium.json") == json.loads(entry)
    page = json.loads((shipped.data.models("huggingface", "default") / "page-0001.json").read_text())
    assert json.loads(model) in page


def test_every_test_that_the_faults_name_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (PROJECT / "docs" / "faults.md").read_text()))
    there = "\n".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    assert len(named) > 12
    assert [name for name in sorted(named) if f"def {name}(" not in there] == []

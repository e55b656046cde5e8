"""The graph of files: what a change redoes, and what a failure leaves to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from etl.files import PROJECT, Data
from tests.conftest import FILTERS, House, civitai, hf

CIVITAI = """
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
manifests = ["pg"]
[civitai.axes.level]
all = { label = "All" }
pg = { label = "PG", keeps = ["pg"] }
"""


class Clone(House):
    """A copy of the project with two small sources, whose installed packages are those of this run."""

    @property
    def root(self) -> Path:
        return self.filters.parent

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "-C", str(self.root), f"python={sys.executable}", *words]
        environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def todo(self, *words: str) -> set[str]:
        """Return what a run would redo: sources to transform, and `load`."""
        planned = self.make("-n", "manifests", *words).stdout
        return {each[0] or each[1] for each in re.findall(r"etl transform --source (\w+)|etl (load)", planned)}

    def touch(self, path: str) -> None:
        later = time.time() + 5
        os.utime(self.root / path, (later, later))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    for name in ("etl", "schemas"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "requirements.txt"):
        shutil.copy2(PROJECT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ok").touch()
    (tmp_path / "filters.toml").write_text(FILTERS + CIVITAI)
    house = Clone(Data(tmp_path / "data"), tmp_path / "filters.toml")
    house.put("huggingface", "default", [hf("o/a")], [hf("o/b")])
    house.put("huggingface", "likes", [hf("o/a")])
    house.put("civitai", "default", [civitai(1)])
    assert house.make("-j2", "manifests").returncode == 0
    assert house.todo() == set()
    return house


EVERYTHING = {"huggingface", "civitai", "load"}


@pytest.mark.parametrize(
    ("path", "redone"),
    [
        ("etl/transform/civitai.jq", {"civitai", "load"}),
        ("etl/transform/huggingface.jq", {"huggingface", "load"}),
        ("etl/transform/size.py", {"huggingface", "load"}),
        ("etl/transform/level.py", {"civitai", "load"}),
        ("etl/transform/stage.py", EVERYTHING),
        ("etl/load/stage.py", {"load"}),
        ("etl/verify/stage.py", set()),
        ("etl/files.py", EVERYTHING),
        ("data/raw/civitai/default/page-0001.json", {"civitai", "load"}),
        ("data/raw/huggingface/likes/stream.json", {"huggingface", "load"}),
        ("schemas/model.schema.json", EVERYTHING),
        ("schemas/civitai.raw.schema.json", {"civitai", "load"}),
        ("schemas/manifest.schema.json", {"load"}),
        ("filters.toml", set()),
    ],
)
def test_a_touched_file_redoes_what_depends_on_it(clone: Clone, path: str, redone: set[str]) -> None:
    clone.touch(path)
    assert clone.todo() == redone


def test_other_filters_are_told_by_content_not_by_time(clone: Clone) -> None:
    other = clone.root / "other.toml"
    other.write_text(clone.filters.read_text().replace('"small", "large", ', ""))
    os.utime(other, (1, 1))
    assert clone.make("manifests", "FILTERS=other.toml").returncode == 0
    assert not (clone.data.manifests / "hf-filter-small.json").exists()
    assert clone.make("manifests").returncode == 0
    assert (clone.data.manifests / "hf-filter-small.json").exists()
    assert clone.todo() == set()


def test_a_stream_that_is_removed_leaves_no_models_and_every_run_says_so(clone: Clone) -> None:
    shutil.rmtree(clone.data.raw("huggingface", "likes"))
    for _ in range(2):
        done = clone.make("manifests")
        assert done.returncode == 2
        assert "hf-filter-likes.json: not made" in done.stderr
    assert not clone.data.models("huggingface", "likes").exists()
    assert not (clone.data.manifests / "hf-filter-likes.json").exists()
    assert (clone.data.manifests / "hf-filter-apache.json").exists()
    clone.put("huggingface", "likes", [hf("o/a")])
    assert clone.make("manifests").returncode == 0


def test_a_bad_page_stops_before_anything_is_published_and_mending_it_is_enough(clone: Clone) -> None:
    before = (clone.data.manifests / "index.json").read_bytes()
    page = clone.data.raw("huggingface", "likes") / "page-0001.json"
    good = page.read_text()
    page.write_text("<html>")
    clone.touch(str(page))
    done = clone.make("manifests")
    assert done.returncode == 2
    assert "Error 65" in done.stderr
    assert f"{page.relative_to(clone.root)}: is not JSON" in done.stderr
    assert (clone.data.manifests / "index.json").read_bytes() == before
    page.write_text(good)
    assert clone.make("manifests").returncode == 0


def test_verify_judges_what_lies_there(clone: Clone) -> None:
    assert clone.make("verify").returncode == 0
    (clone.data.manifests / "index.json").write_text("{}")
    done = clone.make("verify")
    assert "Error 1" in done.stderr
    assert "data/manifests/index.json: $" in done.stdout


def test_explain_looks_at_models_that_are_made_first(clone: Clone) -> None:
    clone.put("huggingface", "default", [hf("o/a")], [hf("o/b")], [hf("o/c")])
    done = clone.make("explain", "FILTER=hf/other", "AGAINST=")
    assert done.returncode == 0, done.stderr
    assert "   1  cut" in done.stdout
    assert "2 models on both" in clone.make("explain", "FILTER=hf/other", "AGAINST=hf-filter-other.json").stdout
    assert "Error 2" in clone.make("explain").stderr


def test_the_list_of_words_names_each_word(clone: Clone) -> None:
    told = clone.make().stdout
    assert re.findall(r"^make (\w+) ", told, flags=re.MULTILINE) == re.findall(
        r"^(\w+):.* ## ", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE
    )
    assert "make manifests" in told

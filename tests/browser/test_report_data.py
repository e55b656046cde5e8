"""How the scripts of the report read its data."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from etl.report.render import PAGE, SCRIPTS
from tests.browser.toolchain import MODULES
from tests.report.payload import ODD_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.reader import Reader
    from tests.browser.toolchain import Chromium


def test_the_reasons(reader: Reader) -> None:
    reader.open()

    def explain(source: str, id_: str) -> Any:
        return reader.browser.evaluate(f"explainModel({json.dumps(source)}, {json.dumps(id_)})")

    recent = "stream recent is not on disk; fetch it with: make extract SOURCE=huggingface"
    unlikely = "quality popular: .downloads > 100 and .likes > 0 is not true"
    assert explain("huggingface", "meta/llama-guard-1b") == {
        "manifests": {"hf-filter-default.json": 3, "hf-filter-small.json": 2},
        "not_in": {
            "hf-filter-likes.json": "rejected: private", "hf-filter-recent.json": recent,
            "hf-filter-large.json": "size large excludes small", "hf-filter-likes-small.json": "rejected: private",
            "hf-filter-small-mit.json": "license mit excludes apache-2.0",
            "hf-filter-popular.json": f"{unlikely} (downloads 400, likes none)",
        },
    }  # fmt: skip
    not_in = explain("huggingface", ODD_ID)["not_in"]
    assert not_in["hf-filter-default.json"] == "over the limit: rank 6, limit 4"
    assert not_in["hf-filter-likes.json"] == "not among the 4 models of stream likes"
    assert set(explain("huggingface", "blocked/model")["not_in"].values()) == {"excluded by id in filters.toml"}
    assert explain("civitai", "103") == {
        "manifests": {"civitai-filter-r.json": 2},
        "not_in": {
            "civitai-filter-pg.json": "level r: stream month says flagged",
            "civitai-filter-month.json": "not among the 2 models of stream month",
        },
    }  # fmt: skip
    withdrawn = explain("civitai", "104")["not_in"]
    assert withdrawn["civitai-filter-pg.json"] == "withheld: stream month says minor"
    assert explain("civitai", "102")["not_in"]["civitai-filter-r.json"].endswith("is not true (tags garden)")
    assert explain("civitai", "999") is None
    assert explain("elsewhere", "1") is None


def test_every_form_of_a_column(reader: Reader) -> None:
    reader.open()
    forms: list[tuple[dict[str, Any], list[Any]]] = [
        ({"values": [1, None]}, [1, None]),
        ({"table": ["a", "b"], "indexes": [1, -1]}, ["b", None]),
        ({"table": ["a", "b"], "lists": [[1, 0], []]}, [["b", "a"], []]),
        ({"days": [20400, None]}, ["2025-11-08", None]),
        ({"constant": False}, [False, False]),
        ({"after_slash": True}, ["b/c", "d", "e/"]),
        ({"before_slash": True}, ["a", "d", "e"]),
        ({"prefix": "https://x.test/"}, ["https://x.test/a/b/c", "https://x.test/d", "https://x.test/e/"]),
        ({"constant": 1, "except": {"1": None}}, [1, None]),
    ]
    for column, values in forms:
        source = {"columns": {"id": {"values": ["a/b/c", "d", "e/"]}, "x": column}}
        program = f"((source) => [0, 1, 2].slice(0, {len(values)}).map((row) => fieldOf(source, row, 'x')))({json.dumps(source)})"
        assert reader.browser.evaluate(program) == values


def test_the_scripts_fit_the_types_of_the_data(toolchain: tuple[Path, Chromium], tmp_path: Path) -> None:
    def compile_(*paths: Path) -> str:
        options = "--noEmit --allowJs --checkJs --strict --noUncheckedIndexedAccess --noUnusedLocals --noImplicitReturns".split()
        command: list[str | Path] = [toolchain[0], MODULES / "typescript" / "bin" / "tsc", *options, "--target", "es2022"]
        command += ["--lib", "es2023,dom,dom.iterable", PAGE / "data.d.ts", *(PAGE / name for name in SCRIPTS), *paths]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stdout

    assert compile_() == ""
    (tmp_path / "wrong.js").write_text("positionsOf('hf', null);\n")
    assert "not assignable to parameter of type 'Filter'" in compile_(tmp_path / "wrong.js")

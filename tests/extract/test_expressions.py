"""Extraction with expressions and limits per manifest: how far streams are read, and what a harmful expression leaves."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from etl.expressions.evaluator import Evaluator
from etl.storage.ledger import read_ledger
from tests.support.builders import SMALL_FILTERS, day

if TYPE_CHECKING:
    from pathlib import Path

    from tests.extract.conftest import LiveWorkspace

WEEK = """
[huggingface.axes.fresh]
any = { label = "Any age" }
this-week = { label = "This week", where = 'days_since(.updated) < 7' }
"""
HUB = SMALL_FILTERS.partition("[civitai]")[0]
LIST = HUB[HUB.index("manifests = ") : HUB.index("\n", HUB.index("manifests = "))]


def write_filters(workspace: LiveWorkspace, manifests: str, require: str) -> None:
    workspace.filters.write_text(HUB.replace(LIST, f"manifests = {manifests}\nrequire = '{require}'") + WEEK)


def test_a_stream_is_read_until_the_longest_manifest_is_full(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    small_and_large = '["default", { filter = "small", limit = 11 }, { filter = "large", limit = 8 }]'  # which share no model
    for manifests in (small_and_large, '[{ filter = "default", limit = 19 }, "this-week"]'):
        write_filters(live, manifests, ".gated == false")
        assert live.run("plan") == 0
        assert "huggingface/default: 4 to 6 requests" in capsys.readouterr().out
    write_filters(live, '["default", { filter = "this-week", limit = 7 }]', ".gated == false")
    assert live.run("plan") == 0
    assert "huggingface/default: 2 to 6 requests; on disk: nothing" in capsys.readouterr().out
    assert live.run("extract") == 0
    assert "short:" not in capsys.readouterr().out
    files = [page.file for page in read_ledger(live.data, "huggingface", "default").pages]
    pages = [json.loads((live.data.raw("huggingface", "default") / file).read_text()) for file in files]
    positions = {
        record["id"]: (number, index)
        for number, page in enumerate(pages, 1)
        for index, record in enumerate(page)
        if record.get("gated") is False and record["lastModified"] >= day(7) and record["id"].startswith("org")
    }
    assert live.run("manifests") == 0
    ids = live.ids("hf-filter-this-week.json")
    assert ids == [*positions][:7]
    assert positions[ids[-1]][0] == len(pages) > 3
    assert live.run("verify") == 0
    capsys.readouterr()
    write_filters(live, '["default", { filter = "this-week", limit = 20 }]', ".gated == false")
    assert live.run("plan") == 0
    assert "huggingface/default: 4 to 6 requests" in capsys.readouterr().out
    assert live.run("extract") == 0
    assert "short: hf-filter-this-week.json: 8 of 20; the depth in filters.toml is reached" in capsys.readouterr().out


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Return a list of all processes that are started from here on; an expression has little CPU time."""
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    monkeypatch.setattr(Evaluator.__init__, "__defaults__", (0.1,))
    return started


def test_a_harmful_expression_ends_every_command_that_evaluates_it_and_changes_nothing(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], children: list[subprocess.Popen[bytes]]
) -> None:
    write_filters(live, '["small"]', ".gated == false")
    assert live.run("extract") == live.run("manifests") == 0
    good = files_below(live.data.manifests)
    raw = files_below(live.data.raw("huggingface"))
    write_filters(live, '["small"]', '"xx" * (.size | length * 2e8) | length > 1')
    capsys.readouterr()
    assert live.run("plan") == 0
    for command in (
        ["transform"], ["load"], ["manifests"], ["explain", "hf/small"], ["explain", "hf:org0/model-0-1b"], ["verify"],
        ["extract"], ["refresh"],
    ):  # fmt: skip
        assert live.run(*command) == 2, command
        printed = "".join(capsys.readouterr())
        assert "huggingface.require: needed more than 1 GiB of memory" in printed, command
        assert "Traceback" not in printed
        assert files_below(live.data.manifests) == good, command
    write_filters(live, '["small"]', "def f: f; f")
    assert live.run("load") == 2
    assert "huggingface.require: took more than 0.1 s of CPU time" in capsys.readouterr().err
    assert files_below(live.data.manifests) == good
    assert children
    assert all(child.returncode is not None for child in children)
    on_disk = files_below(live.data.raw("huggingface"))
    assert {name: on_disk[name] for name in raw} == raw  # no ledger says that its stream failed
    write_filters(live, '["small"]', ".gated == false")
    assert live.run("manifests") == live.run("verify") == 0
    assert files_below(live.data.manifests) == good
    assert live.run("extract") == 0

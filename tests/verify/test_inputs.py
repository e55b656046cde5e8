"""The record of the last verify: what it contains, and when it counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.storage.snapshot import resolve_snapshot
from etl.verify.inputs import RecordedChecks, has_passed, input_fingerprint, record_checks, recorded_checks
from etl.verify.published import Check
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from pathlib import Path

EPOCH, NOW = "1767441600", "2026-01-03T12:00:00.000Z"
PASSED = RecordedChecks(NOW, [Check("a", 3, notes=["b \ud800 c"], fix="make manifests")])
INPUTS = "0" * 64


@pytest.fixture
def built(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace whose checks pass, at a fixed time."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    for stream in ("default", "likes"):
        workspace.write_stream("huggingface", stream, [hf(f"o/{stream}")])
    assert workspace.run("manifests") == 0
    return workspace


def inputs(workspace: Workspace, base: str | None = None) -> str:
    snapshot = resolve_snapshot(workspace.data, base, with_models=False)
    return input_fingerprint(workspace.data, workspace.filters, snapshot)


def break_manifest(workspace: Workspace) -> None:
    path = workspace.data.manifests / "hf-filter-likes.json"
    path.write_text(path.read_text().replace("o/likes", "o/other"))


@pytest.mark.parametrize("command", ["verify", "publish", "refresh"])
@pytest.mark.parametrize("is_broken", [False, True])
def test_every_verify_records_its_checks(
    built: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, *, is_broken: bool
) -> None:  # fmt: skip
    monkeypatch.setattr("etl.cli.building.extract", lambda _run: 0)
    monkeypatch.setattr("etl.cli.building._manifests", lambda _run, _sources: 0)
    if is_broken:
        break_manifest(built)
    assert recorded_checks(built.data, inputs(built)) is None
    assert built.run(command) == is_broken
    recorded = recorded_checks(built.data, inputs(built))
    assert recorded is not None
    assert (recorded.time, has_passed(built.data, inputs(built))) == (NOW, not is_broken)
    capsys.readouterr()
    assert built.run("verify", "--json") == is_broken
    printed = json.loads(capsys.readouterr().out)["checks"]
    assert [vars(check) for check in recorded.checks] == printed
    assert len(printed) == 17


def test_other_inputs_have_no_record(built: Workspace, tmp_path: Path) -> None:
    assert built.run("verify") == 0
    before = inputs(built)
    assert recorded_checks(built.data, before)
    assert recorded_checks(built.data, inputs(built, str(built.data.root))) is None  # another base
    built.filters.write_text(built.filters.read_text() + "\n# a comment\n")
    assert recorded_checks(built.data, inputs(built)) is None
    assert (tmp_path / "data" / ".cache" / ".gitignore").read_text() == "*\n"


def test_publish_verifies_again_after_a_failed_run(built: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert built.run("publish") == 0
    assert built.run("verify", "--max-age", "1m") == 1
    capsys.readouterr()
    assert built.run("publish") == 0
    assert "17 checks, 0 failed" in capsys.readouterr().out
    assert built.run("publish") == 0
    assert "checks" not in capsys.readouterr().out
    break_manifest(built)
    for _ in range(2):
        assert built.run("publish") == 1
        assert "FAIL rebuild from raw" in capsys.readouterr().out


def test_a_record_is_read_as_it_was_written(workspace: Workspace) -> None:
    record_checks(workspace.data, INPUTS, PASSED)
    recorded = recorded_checks(workspace.data, INPUTS)
    assert recorded == RecordedChecks(NOW, [Check("a", 3, notes=["b \N{REPLACEMENT CHARACTER} c"], fix="make manifests")])
    assert has_passed(workspace.data, INPUTS)
    assert not has_passed(workspace.data, "1" * 64)


def valid() -> dict[str, Any]:
    check = {"name": "a", "looked_at": 3, "code": 1, "problems": [], "warnings": [], "notes": [], "fix": "make manifests"}
    return {"inputs": INPUTS, "time": NOW, "checks": [check]}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in valid().items() if name != key}


INVALID: list[dict[str, Any]] = [
    {"checks": []},
    {"checks": None},
    {"checks": [{**valid()["checks"][0], "problems": "none"}]},
    {"checks": [{**valid()["checks"][0], "extra": 1}]},
    {"checks": [{"name": "a"}]},
    {"time": "today"},
    {"extra": 1},
]


@pytest.mark.parametrize(
    "content",
    [
        INPUTS.encode(),  # as earlier versions wrote it
        b"",
        b"\xff",
        b"[" * 100_000,
        b"NaN",
        *(json.dumps(without(key)).encode() for key in valid()),
        *(json.dumps(valid() | fields).encode() for fields in INVALID),
    ],
)
def test_an_invalid_record_counts_as_absent(workspace: Workspace, content: bytes) -> None:
    path = workspace.data.cache("verified")
    path.parent.mkdir(parents=True)
    path.write_bytes(json.dumps(valid()).encode())
    assert has_passed(workspace.data, INPUTS)
    path.write_bytes(content)
    assert recorded_checks(workspace.data, INPUTS) is None
    assert not has_passed(workspace.data, INPUTS)
    path.unlink()
    path.mkdir()
    assert recorded_checks(workspace.data, INPUTS) is None

"""verify fails if a large share of a source or of a stream is rejected, or loses a field, for a single reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.core.errors import UsageError
from etl.verify.losses import check_losses, parse_allowed
from tests.conftest import Workspace, hf

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "rejected records and dropped fields"


def row(ids: int, of: int, stream: str | None = None, what: str = "rejected", reason: str = "poi") -> dict[str, Any]:
    return {"stream": stream, "what": what, "reason": reason, "ids": ids, "of": of, "first": "7"}


@pytest.mark.parametrize(
    ("ids", "of", "expected"),
    [
        (0, 100, "ok"), (2, 100, "ok"), (3, 100, "warning"), (10, 100, "warning"), (11, 100, "failed"), (100, 100, "failed"),
        (2, 20, "warning"), (3, 20, "failed"), (19, 19, "ok"), (15, 37, "failed"), (299, 10_000, "ok"), (300, 10_000, "warning"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [None, "month"])
def test_more_than_a_tenth_fails_and_3_percent_warns(ids: int, of: int, expected: str, stream: str | None) -> None:
    check = check_losses({"civitai": [row(ids, of, stream)]}, frozenset())
    outcome = "failed" if check.problems else "warning" if check.warnings else "ok"
    assert outcome == expected


def test_a_problem_has_reason_share_and_example_and_may_be_allowed() -> None:
    losses = {"civitai": [row(41, 100), row(15, 100, "month", "dropped", "tags")]}
    first, second = check_losses(losses, frozenset()).problems
    see = "has the source changed? see make explain FILTER=civitai:7, or "
    assert first.startswith(f"civitai: 41 of 100 models (41.0%) are rejected: poi, such as civitai:7; {see}")
    assert second.startswith("civitai/month: 15 of 100 models (15.0%) are without tags, which was dropped, such as civitai:7; ")
    assert first.endswith("or allow it: ALLOW_REJECTED=civitai/poi, --allow-rejected civitai/poi")
    check = check_losses(losses, frozenset({"civitai/poi", "civitai/tags"}))
    assert (check.problems, check.warnings, len(check.notes)) == ([], [], 2)
    assert len(check_losses(losses, frozenset({"huggingface/poi"})).problems) == 2


def test_allowed_losses_must_be_reasons_or_fields_of_a_source(workspace: Workspace) -> None:
    config = load_config(workspace.filters)
    assert parse_allowed(["huggingface/private", "huggingface/tags"], config) == {"huggingface/private", "huggingface/tags"}
    with pytest.raises(UsageError, match=r"huggingface/privat: not a reason .*; nearest: huggingface/private"):
        parse_allowed(["huggingface/privat"], config)


LOST: list[tuple[Callable[[str], dict[str, Any]], str]] = [
    (lambda name: hf(name, private=True), "huggingface/private"),
    (lambda name: hf(name, disabled="no"), "huggingface/disabled"),
    (lambda name: hf(f"{name}--x"), "huggingface/id"),
    (lambda name: hf(name, pipeline_tag=["text-generation"]), "huggingface/type"),
    (lambda name: hf(name, tags=["a", None]), "huggingface/tags"),
]


@pytest.mark.parametrize(("record", "name"), LOST)
def test_verify_fails_if_a_source_loses_much_unless_allowed(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], record: Callable[[str], dict[str, Any]], name: str
) -> None:
    records = [record(f"o/lost{n}") if n < 3 else hf(f"o/m{n}") for n in range(24)]
    workspace.write_stream("huggingface", "default", records, records[:2])  # duplicate ids are counted once
    workspace.write_stream("huggingface", "likes", [hf(f"o/m{n}") for n in range(12, 2, -1)])
    assert workspace.run("manifests") == 0
    capsys.readouterr()
    assert workspace.run("verify", "--json") == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert [check for check in checks if checks[check]["problems"]] == [NAME]
    problems = checks[NAME]["problems"]
    assert [problem.split(" models ")[0] for problem in problems] == ["huggingface: 3 of 24", "huggingface/default: 3 of 24"]
    assert all("(12.5%)" in problem for problem in problems)
    assert workspace.run("verify", "--allow-rejected", name) == 0
    assert workspace.run("verify", "--allow-rejected", name.replace("huggingface", "hub")) == 2

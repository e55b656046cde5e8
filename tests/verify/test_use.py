"""The check of commercial use: raw records of models and of what they were made of, read again."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from etl.verify.use import check_use
from tests.conftest import Workspace, civitai, hf
from tests.verify.audit import config_of, option, published, read_raw, write_page

if TYPE_CHECKING:
    from etl.verify.published import Check

YES = option("commercial", "commercial", "yes")
CONDITIONS = option("commercial", "conditions", "yes", "conditions")
MIT, NC, LLAMA = "license:mit", "license:cc-by-nc-4.0", "license:llama3.1"
Record = dict[str, Any]


def made_of(identity: str, *bases: str, tags: tuple[str, ...] = (MIT,)) -> Record:
    return hf(identity, tags=[*tags, *(f"base_model:{base}" for base in bases)])


def check(workspace: Workspace, source: str, *lists: list[str]) -> Check:
    """Check manifests of commercial use, without and with conditions."""
    config = config_of(source, *(YES, CONDITIONS)[: len(lists)])
    raw = read_raw(workspace, config, *chain.from_iterable(lists))
    return check_use(published(config, workspace.data.manifests, *lists), raw)


def write(workspace: Workspace, *records: Record) -> None:
    """Write the first record to the default stream, each other one to a stream of its own."""
    for number, record in enumerate(records):
        write_page(workspace, "huggingface", f"s{number}" if number else "default", "sort=downloads", record)


FORBIDDEN: list[tuple[str, list[Record], str]] = [
    ("own licence", [made_of("o/a", tags=(NC,))], "license cc-by-nc-4.0 of o/a"),
    ("one of its own licences", [made_of("o/a", tags=(MIT, NC))], "license cc-by-nc-4.0 of o/a"),
    ("a row of the repository", [made_of("black-forest-labs/FLUX.1-dev", tags=("license:other",))],
     "license other of black-forest-labs/FLUX.1-dev"),
    ("base", [made_of("o/a", "finetune:p/b"), made_of("p/b", tags=(NC,))], "license cc-by-nc-4.0 of p/b"),
    ("case", [made_of("o/a", "P/B"), made_of("p/b", tags=("license:CC-BY-NC-4.0",))], "license cc-by-nc-4.0 of p/b"),
    ("missing base", [made_of("o/a", "p/b", "quantized:black-forest-labs/FLUX.1-dev")],
     "license not stated of black-forest-labs/flux.1-dev"),
    ("chain", [made_of("o/a", "p/b"), made_of("p/b", "q/c"), made_of("q/c", "r/d"), made_of("r/d", tags=(NC,))],
     "license cc-by-nc-4.0 of r/d"),
    ("cycle", [made_of("o/a", "p/b"), made_of("p/b", "q/c"), made_of("q/c", "p/b", tags=(NC,))], "license cc-by-nc-4.0 of q/c"),
    ("merge", [made_of("o/a", "p/b", "q/c"), made_of("p/b"), made_of("q/c", tags=(NC,))], "license cc-by-nc-4.0 of q/c"),
    ("own base without a licence of its own", [made_of("o/a", "o/b", tags=()), made_of("o/b", tags=(NC,))],
     "license cc-by-nc-4.0 of o/b"),
    ("own tune of somebody's", [made_of("o/a", "o/b"), made_of("o/b", "o/c"), made_of("o/c", "p/d"), made_of("p/d", tags=(NC,))],
     "license cc-by-nc-4.0 of p/d"),
    ("own base made of what has no id", [made_of("o/a", "o/b"), made_of("o/b", "./c", tags=(NC,))],
     "license cc-by-nc-4.0 of o/b"),
    ("a model that has the id of a data set", [made_of("o/a", "p/b", tags=(MIT, "dataset:p/b")), made_of("p/b", tags=(NC,))],
     "license cc-by-nc-4.0 of p/b"),
    ("all records of a base",
     [made_of("o/a", "p/b"), made_of("p/b", tags=(NC,)), made_of("p/b", "q/c"), made_of("q/c", tags=(NC,))],
     "license cc-by-nc-4.0 of p/b"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "reason"), [case[1:] for case in FORBIDDEN], ids=[case[0] for case in FORBIDDEN])
def test_what_forbids_commercial_use_is_found(workspace: Workspace, records: list[Record], reason: str) -> None:
    write(workspace, *records)
    identity = records[0]["id"]
    result = check(workspace, "huggingface", [identity], [identity])
    assert [problem.partition("$.models[0]: ")[2].partition(", see ")[0] for problem in result.problems] == [
        f"{identity} must not be used commercially: {reason}"
    ] * 2
    assert result.looked_at == 2


ALLOWED: list[tuple[str, list[Record]]] = [
    ("yes", [made_of("o/a", "p/b"), made_of("p/b")]),
    ("unknown", [made_of("o/a", "p/b", tags=()), made_of("p/b", "q/c", tags=("license:other",))]),
    ("own base", [made_of("o/a", "O/b"), made_of("o/b", tags=(NC,))]),
    ("itself", [made_of("o/a", "O/A")]),
    ("records of different times", [made_of("o/a", "p/b"), made_of("p/b"), made_of("p/b", tags=(NC,))]),
    ("another stream", [made_of("o/a"), made_of("o/a", tags=(NC,))]),
    ("tags that are no texts", [hf("o/a", tags=[None, 1, ["license:cc-by-nc-4.0"], MIT])]),
]


@pytest.mark.parametrize("records", [case[1] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_what_does_not_forbid_it_passes(workspace: Workspace, records: list[Record]) -> None:
    write(workspace, *records)
    assert check(workspace, "huggingface", [records[0]["id"]]).problems == []


def test_conflicts_are_in_the_notes(workspace: Workspace) -> None:
    records = [made_of("o/a", "p/b"), made_of("o/c", "p/b", tags=(NC,)), made_of("o/d", "p/b", tags=())]
    write(workspace, made_of("p/b", tags=(LLAMA,)), *records)
    result = check(workspace, "huggingface", [], ["o/a", "o/c", "o/d"])
    assert result.notes == ["huggingface: 1 models state freer terms than what they were made of: o/a of p/b"]


@pytest.mark.parametrize(
    ("base", "permitted", "reason"),
    [
        ("ZImageTurbo", ["Image"], None),
        ("ZImageTurbo", "{RentCivit,Sell}", None),
        ("ZImageTurbo", ["{Image,Rent}"], None),
        ("ZImageTurbo", "Sell", None),
        ("ZImageTurbo", None, None),
        ("ZImageTurbo", ["New"], None),
        ("ZImageTurbo", [], "its author's permissions"),
        ("ZImageTurbo", "None", "its author's permissions"),
        ("ZImageTurbo", "{Rent,RentCivit}", "its author's permissions"),
        ("Flux.1 D", ["Image", "Sell"], "base model Flux.1 D"),
        (None, ["Sell"], None),
        (["odd"], ["Sell"], None),
    ],
)
def test_models_of_civitai(workspace: Workspace, base: object, permitted: object, reason: str | None) -> None:
    versions = [{"baseModel": "ZImageTurbo"}, {"baseModel": base}]
    record = civitai(1, allowCommercialUse=permitted, modelVersions=versions)
    write_page(workspace, "civitai", "default", "sort=Most+Downloaded", record)
    problems = check(workspace, "civitai", ["1"]).problems
    assert [problem.partition("commercially: ")[2].partition(", see")[0] for problem in problems] == (
        [f"{reason} of 1"] if reason else []
    )


@pytest.mark.parametrize(("dropped", "problems"), [(("no",), 0), (("no", "unknown"), 1)])
def test_what_manifests_drop_counts_too(workspace: Workspace, dropped: tuple[str, ...], problems: int) -> None:
    write(workspace, made_of("o/a", tags=(NC,)))
    config = config_of("huggingface", option("commercial", "allowed", *dropped, drops=True))
    result = check_use(published(config, workspace.data.manifests, ["o/a"]), read_raw(workspace, config, "o/a"))
    assert (result.looked_at, len(result.problems)) == (problems, problems)


def test_manifests_for_any_use_are_not_checked(workspace: Workspace) -> None:
    write(workspace, made_of("o/a", tags=(NC,)))
    config = config_of("huggingface", option("commercial", "not-allowed", "no"))
    result = check_use(published(config, workspace.data.manifests, ["o/a"]), read_raw(workspace, config, "o/a"))
    assert (result.looked_at, result.problems, result.notes) == (0, [], [])

"""What verify rejects besides corrupted files: lost models, ignored parameters, unsafe models, old data."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.levels import LEVELS
from etl.sources.civitai.audit import level_range, rejections
from tests.conftest import Workspace, civitai, hf
from tests.transform.test_stage import HOSTILE, transform_records
from tests.verify.test_stage import failed

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"safetensors": {"total": 1_000_000_000}}
CIVITAI = """
limit = 20
depth = 40
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { nsfw = true }
manifests = ["pg", "pg13", "loras"]
[civitai.axes.level]
all = { label = "All" }
pg = { label = "PG", keeps = ["pg"] }
pg13 = { label = "PG-13", keeps = ["pg", "pg13"] }
[civitai.axes.type]
all = { label = "All types", asks = { types = ["Checkpoint", "LORA"] }, keeps = ["Checkpoint", "LORA"] }
loras = { label = "LoRAs", asks = { types = ["LORA"] }, keeps = ["LORA"] }
"""


@pytest.fixture
def civitai_workspace(workspace: Workspace) -> Workspace:
    """Return an empty data folder for CivitAI, with filters by level and by type."""
    workspace.filters.write_text(CIVITAI)
    return workspace


def checked(workspace: Workspace, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """Run verify; return its checks by name, as in the output of `--json`."""
    capsys.readouterr()
    code = workspace.run("verify", "--json", *options)
    output = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in output["checks"]}
    assert output["failed"] == sum(bool(check["problems"]) for check in checks.values())
    assert code == (output["failed"] > 0)
    return checks


UNSAFE: list[tuple[dict[str, Any], str]] = [
    ({"nsfw": True}, "is xxx"),
    ({"nsfwLevel": 4}, "is r"),
    ({"nsfwLevel": None}, "is xxx"),
    ({"nsfwLevel": 12}, "is r"),
    ({"poi": True}, "is poi"),
    ({"minor": True}, "is minor"),
    ({"mode": "TakenDown"}, "is takendown"),
    ({"availability": "Private"}, "is notpublic"),
]


@pytest.mark.parametrize(("fields", "message"), UNSAFE)
def test_unsafe_models_in_safe_manifests_fail(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], message: str
) -> None:
    civitai_workspace.write_stream("civitai", "default", [civitai(1), civitai(2, **fields)])
    civitai_workspace.write_stream("civitai", "loras", [civitai(3, type="LORA")])
    assert civitai_workspace.run("manifests") == 0
    name = "levels and flags, read again"
    assert checked(civitai_workspace, capsys)[name]["problems"] == []
    for file in ("civitai-filter-pg.json", "civitai-filter-pg13.json"):
        path = civitai_workspace.data.manifests / file
        value = json.loads(path.read_text())
        value["models"].append({"id": "2", "slug": "2", "name": "model 2"})
        path.write_text(json.dumps(value))
    problems = checked(civitai_workspace, capsys)[name]["problems"]
    assert len(problems) == 2
    for file, problem in zip(("civitai-filter-pg.json", "civitai-filter-pg13.json"), problems, strict=True):
        record = f"{civitai_workspace.data.raw('civitai', 'default')}/page-0001.json: $.items[1]"
        assert f"{file}: $.models[1]: 2 {message} in stream default, see {record}" in problem


def test_models_without_a_raw_record_fail(civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    civitai_workspace.write_stream("civitai", "default", [civitai(1)])
    civitai_workspace.write_stream("civitai", "loras", [civitai(3, type="LORA")])
    assert civitai_workspace.run("manifests") == 0
    path = civitai_workspace.data.manifests / "civitai-filter-loras.json"
    path.write_text(path.read_text().replace('"id": "3"', '"id": "30"'))
    (problem,) = checked(civitai_workspace, capsys)["levels and flags, read again"]["problems"]
    assert problem.endswith("$.models[0]: 30 has no raw record in stream loras")


def test_models_outside_excluded_levels_pass(civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = civitai_workspace.filters.read_text().replace(
        'pg = { label = "PG", keeps = ["pg"] }', 'pg = { label = "PG", drops = ["r", "x", "xxx"] }'
    )
    civitai_workspace.filters.write_text(text)
    civitai_workspace.write_stream("civitai", "default", [civitai(1), civitai(2, nsfw=True)])
    civitai_workspace.write_stream("civitai", "loras", [civitai(3, type="LORA")])
    assert civitai_workspace.run("manifests") == 0
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["1"]
    assert checked(civitai_workspace, capsys)["levels and flags, read again"]["problems"] == []


@pytest.mark.parametrize("field", ["private", "disabled"])
def test_private_and_disabled_repositories_fail(workspace: Workspace, capsys: pytest.CaptureFixture[str], field: str) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a"), hf("o/b", **{field: True})])
    assert workspace.run("manifests") == 0
    path = workspace.data.manifests / "hf-filter-likes.json"
    value = json.loads(path.read_text())
    value["models"].append({"id": "o/b", "slug": "o--b", "name": "b"})
    path.write_text(json.dumps(value))
    (problem,) = checked(workspace, capsys)["levels and flags, read again"]["problems"]
    assert f"$.models[1]: o/b is {field} in stream likes, see " in problem


def test_the_most_explicit_of_duplicate_records_counts(civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    civitai_workspace.write_stream("civitai", "default", [civitai(1), civitai(2), civitai(1, nsfw=True)])
    civitai_workspace.write_stream("civitai", "loras", [civitai(3, type="LORA")])
    assert civitai_workspace.run("manifests") == 0
    name = "levels and flags, read again"
    assert civitai_workspace.ids("civitai-filter-pg.json") == ["2"]
    assert checked(civitai_workspace, capsys)[name]["problems"] == []
    for file in ("civitai-filter-pg.json", "civitai-filter-pg13.json"):
        path = civitai_workspace.data.manifests / file
        value = json.loads(path.read_text())
        value["models"].insert(0, {"id": "1", "slug": "1", "name": "model 1"})
        path.write_text(json.dumps(value))
    problems = checked(civitai_workspace, capsys)[name]["problems"]
    assert [problem.partition(", see ")[0].rpartition("$")[2] for problem in problems] == [
        ".models[0]: 1 is xxx in stream default"
    ] * 2


def test_records_the_api_should_have_excluded_are_counted(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    text = civitai_workspace.filters.read_text().replace("asks = { nsfw = true }\n", "")
    civitai_workspace.filters.write_text(
        text.replace('asks = { types = ["Checkpoint", "LORA"]', 'asks = { nsfw = true, types = ["Checkpoint", "LORA"]')
    )
    civitai_workspace.write_stream("civitai", "default", [civitai(1), civitai(2, nsfw=True), civitai(4, minor=True)])
    civitai_workspace.write_stream("civitai", "loras", [civitai(3, type="LORA", nsfwLevel=2), civitai(5, type="LORA", poi=True)])
    assert civitai_workspace.run("manifests") == 0
    assert checked(civitai_workspace, capsys)["levels and flags, read again"]["notes"] == [
        "civitai/default: the API's own filter let through 1 minor",
        "civitai/loras: the API's own filter let through 1 above pg, 1 poi",
    ]


@given(st.sampled_from(HOSTILE) | st.integers(-2, 70) | st.floats(-1e9, 1e9), st.sampled_from([*HOSTILE, False, 0]))
def test_levels_of_transform_and_audit_agree(mask: Any, nsfw: Any) -> None:
    record = civitai(1, nsfwLevel=mask, nsfw=nsfw)
    (model,) = transform_records("civitai", record).models
    assert (model["level"], model["level_most"]) == tuple(LEVELS[level] for level in level_range(record))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["poi", "minor", "mode", "availability"], st.sampled_from(HOSTILE))))
def test_rejections_of_transform_and_audit_agree(fields: dict[str, Any]) -> None:
    assert bool(transform_records("civitai", civitai(1, **fields)).set_aside) is bool(rejections(fields))


def test_ignored_parameters_fail_and_single_unrequested_records_are_counted(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "responses against requests"
    civitai_workspace.write_stream("civitai", "default", [civitai(1)])
    civitai_workspace.write_stream("civitai", "loras", [civitai(1), civitai(2, type="LORA"), civitai(3, type="LORA")])
    assert civitai_workspace.run("manifests") == 0
    check = checked(civitai_workspace, capsys)[name]
    assert (check["problems"], check["looked_at"]) == ([], 4)
    assert check["notes"] == ["civitai/loras: 1 records were not requested"]
    path = civitai_workspace.data.manifests / "civitai-filter-loras.json"
    value = json.loads(path.read_text())
    value["models"].insert(0, {"id": "1", "slug": "1", "name": "model 1"})
    path.write_text(json.dumps(value))
    (problem,) = checked(civitai_workspace, capsys)["levels and flags, read again"]["problems"]
    assert "$.models[0]: 1 was not requested in stream loras, see " in problem
    civitai_workspace.filters.write_text(
        civitai_workspace.filters.read_text().replace('types = ["LORA"]', 'types = ["LORA"], baseModels = ["SDXL 1.0"]')
    )
    civitai_workspace.write_stream("civitai", "loras", [civitai(2, type="LORA")])
    assert civitai_workspace.run("manifests") == 0
    (problem,) = checked(civitai_workspace, capsys)[name]["problems"]
    assert problem.startswith(
        f"{civitai_workspace.data.ledger('civitai', 'loras')}: 1 of 1 records were not requested, the first at "
    )
    assert problem.endswith("page-0001.json: $.items[0]; the source ignores an option")


def test_an_ignored_order_fails_and_counter_drift_passes(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    def models(*downloads: int | None) -> list[Any]:
        return [hf(f"o/m{n}", downloads=count) for n, count in enumerate(downloads)]

    workspace.filters.write_text(
        workspace.filters.read_text().replace('asks = { sort = "likes" }', 'asks = { sort = "lastModified" }')
    )
    workspace.write_stream("huggingface", "likes", [hf("o/m1"), hf("o/m0")])
    workspace.write_stream("huggingface", "default", models(1000, 1040, None, 900, 900, 1, 2, 0))
    assert workspace.run("manifests") == 0
    name = "responses against requests"
    assert checked(workspace, capsys)[name]["problems"] == []
    # A single misplaced record.
    workspace.write_stream("huggingface", "default", models(5, *range(2000, 1000, -10)))
    assert workspace.run("manifests") == 0
    assert checked(workspace, capsys)[name]["problems"] == []
    workspace.write_stream("huggingface", "default", models(*range(1000, 2000, 10)))
    assert workspace.run("manifests") == 0
    (problem,) = checked(workspace, capsys)[name]["problems"]
    assert re.search(
        r"default/stream.json: \d\d of 100 records are out of order, the first at .*\$\[[1-9]\]; the source", problem
    )
    workspace.write_stream("huggingface", "likes", [hf(f"o/m{n}", lastModified=f"2026-01-0{n}") for n in range(1, 8)])
    assert workspace.run("manifests") == 0
    assert any("6 of 7 records" in problem for problem in checked(workspace, capsys)[name]["problems"])


def publish_twice(workspace: Workspace, folder: Path, before: int, *now: Any, **ledger: Any) -> str:
    """Publish `before` small models as the base, then the records `now`; return the folder of the base."""
    workspace.filters.write_text(
        workspace.filters.read_text().replace("limit = 2", "limit = 20").replace("depth = 4", "depth = 40")
    )
    workspace.write_stream("huggingface", "likes", [hf("o/a")])
    workspace.write_stream("huggingface", "default", [hf(f"o/s{n}", **SMALL) for n in range(before)])
    assert workspace.run("manifests") == 0
    shutil.copytree(workspace.data.manifests, folder / "base")
    workspace.write_stream("huggingface", "default", list(now), **ledger)
    assert workspace.run("manifests") == 0
    return str(folder / "base")


def test_a_manifest_that_lost_most_models_fails_unless_allowed(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = publish_twice(workspace, tmp_path, 12, *(hf(f"o/s{n}", **(SMALL if n < 5 else {})) for n in range(12)))
    name = "models lost since the base"
    (problem,) = checked(workspace, capsys, "--base", base)[name]["problems"]
    assert problem.startswith(
        f"{workspace.data.manifests / 'hf-filter-small.json'}: $.models: has 5 models, and had 12 in {base};"
    )
    assert problem.endswith("or allow it: ALLOW_SHRINK=hf/small, --allow-shrink hf/small")
    check = checked(workspace, capsys, "--base", base, "--allow-shrink", "hf/small")[name]
    assert (check["problems"], len(check["notes"])) == ([], 1)
    assert check["fix"].startswith(f"make diff BASE={base} shows what changed; ")
    assert workspace.run("verify", "--base", base, "--allow-shrink", "hf/smal") == 2
    assert "nearest: hf/small" in capsys.readouterr().err
    assert checked(workspace, capsys)[name]["notes"] == [
        "no base to compare with: commit data/manifests, or name another with BASE"
    ]


def test_a_base_of_an_earlier_version_is_compared(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = publish_twice(workspace, tmp_path, 12, *(hf(f"o/s{n}", **SMALL) for n in range(5)), exhausted=True)
    path = tmp_path / "base" / "index.json"
    index = json.loads(path.read_text())
    for entry in index["manifests"]:
        del entry["funnel"], entry["verdict"]
    path.write_text(json.dumps(index))
    # The number of records of its stream is unknown, so a smaller stream cannot be the reason.
    assert len(checked(workspace, capsys, "--base", base)["models lost since the base"]["problems"]) == 2
    assert workspace.run("diff", base, "--json") == 0
    assert json.loads(capsys.readouterr().out)["untold"][0].startswith("levels, commercial use, sizes and licences: no models in")


@pytest.mark.parametrize(
    ("before", "now", "ledger", "problems", "warnings"),
    [
        (12, 6, {}, 0, 0),  # no more than half are lost
        (9, 0, {}, 0, 0),  # below the minimum baseline
        (12, 5, {"exhausted": True}, 0, 2),  # the API has no more records, as before
        (12, 0, {"exhausted": True}, 2, 0),  # an empty response may mean that the API removed the parameter
        (12, 5, {"exhausted": False}, 2, 0),  # the API has more records
    ],
)
def test_a_smaller_stream_with_a_known_reason_is_a_warning(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    before: int, now: int, ledger: dict[str, Any], problems: int, warnings: int,
) -> None:  # fmt: skip
    base = publish_twice(workspace, tmp_path, before, *(hf(f"o/s{n}", **SMALL) for n in range(now)), **ledger)
    check = checked(workspace, capsys, "--base", base)["models lost since the base"]
    assert (len(check["problems"]), len(check["warnings"])) == (problems, warnings)  # small, and other


def test_a_stream_that_ends_sooner_than_before_fails(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = publish_twice(workspace, tmp_path, 12, *(hf(f"o/s{n}", **SMALL) for n in range(5)), exhausted=True)
    path = tmp_path / "base" / "index.json"
    path.write_text(path.read_text().replace('"exhausted": true', '"exhausted": false'))
    assert len(checked(workspace, capsys, "--base", base)["models lost since the base"]["problems"]) == 2


def test_a_lesser_depth_is_a_known_reason(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = publish_twice(workspace, tmp_path, 12, *(hf(f"o/s{n}", **SMALL) for n in range(5)), exhausted=False)
    workspace.filters.write_text(workspace.filters.read_text().replace("depth = 40", "depth = 5"))
    assert workspace.run("manifests") == 0
    warning, _ = checked(workspace, capsys, "--base", base)["models lost since the base"]["warnings"]
    assert warning.endswith("its stream has 5 records and had 12, as many as filters.toml allows")


def test_a_base_without_a_valid_index_fails(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = publish_twice(workspace, tmp_path, 12)
    (tmp_path / "base" / "index.json").write_text("{}")
    (problem,) = checked(workspace, capsys, "--base", base)["models lost since the base"]["problems"]
    assert problem == f"{base}: index.json is missing or not valid; name another base"


def test_a_smaller_limit_passes_and_a_lost_stream_fails(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = publish_twice(workspace, tmp_path, 20, *(hf(f"o/s{n}", **SMALL) for n in range(20)))
    workspace.filters.write_text(workspace.filters.read_text().replace("limit = 20", "limit = 3"))
    assert workspace.run("manifests") == 0
    name = "models lost since the base"
    assert checked(workspace, capsys, "--base", base)[name]["problems"] == []
    shutil.rmtree(workspace.data.raw("huggingface", "default"))
    assert workspace.run("manifests") == 1
    assert len(checked(workspace, capsys, "--base", base)[name]["problems"]) == 2


def test_a_removed_manifest_is_a_warning(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = publish_twice(workspace, tmp_path, 12, *(hf(f"o/s{n}", **SMALL) for n in range(12)))
    workspace.filters.write_text(workspace.filters.read_text().replace('"small", "large", ', '"large", '))
    capsys.readouterr()
    assert workspace.run("manifests") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "removed: hf-filter-small.json (no longer in filters.toml)" in lines
    (empty,) = [line for line in lines if " empty; see why: " in line]
    assert empty.startswith("2 empty; see why: make explain FILTER=hf/large DATA=")
    check = checked(workspace, capsys, "--base", base)["models lost since the base"]
    assert (check["problems"], check["warnings"]) == (
        [], [f"hf-filter-small.json: is no longer in filters.toml, and had 12 models in {base}"],
    )  # fmt: skip
    capsys.readouterr()
    assert workspace.run("manifests") == 0
    assert "removed: " not in capsys.readouterr().out


def test_old_streams_are_a_warning_and_too_old_ones_fail(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")], checked_at="2026-01-01T00:00:00.000Z")
    workspace.write_stream("huggingface", "likes", [hf("o/a")], checked_at="2026-01-03T00:00:00.000Z")
    assert workspace.run("manifests") == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767441600")  # 2026-01-03 at noon
    name = "age of the streams"
    check = checked(workspace, capsys)[name]
    warnings = ["huggingface: 1 of 2 streams were checked more than a day ago"]
    assert (check["problems"], check["warnings"], check["looked_at"]) == ([], warnings, 2)
    assert check["notes"] == ["huggingface: default 2.5 days, likes 0.5 days"]
    (problem,) = checked(workspace, capsys, "--max-age", "2d")[name]["problems"]
    assert problem.startswith(
        f"{workspace.data.ledger('huggingface', 'default')}: $.checked_at: 2026-01-01T00:00:00.000Z is 2.5 days"
    )
    assert checked(workspace, capsys, "--max-age", "60h")[name]["problems"] == []
    assert workspace.run("verify", "--max-age", "2d") == 1
    assert "FAIL age of the streams (2)" in capsys.readouterr().out


@pytest.mark.parametrize("checked_at", ["2099-01-01T00:00:00.000Z", "2026-99-99T00:00:00.000Z"])
def test_future_and_invalid_times_fail(workspace: Workspace, capsys: pytest.CaptureFixture[str], checked_at: str) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a")], checked_at=checked_at)
    assert workspace.run("manifests") == 0
    (problem,) = checked(workspace, capsys)["age of the streams"]["problems"]
    assert problem.endswith(f"$.checked_at: {checked_at} is not a valid time in the past")


def test_an_invalid_ledger_affects_no_other_check(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a")])
    assert workspace.run("manifests") == 0
    workspace.data.ledger("huggingface", "likes").write_text("{}")
    capsys.readouterr()
    assert workspace.run("verify", "--json") == 65
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    for name in ("raw pages against ledgers", "rebuild from raw"):
        assert "likes/stream.json: $: 'pages' is a required property" in checks[name]["problems"][0]


def test_models_excluded_by_id_fail(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/skipped"), hf("o/a")])
    assert workspace.run("manifests") == 0
    path = workspace.data.manifests / "hf-filter-likes.json"
    path.write_text(path.read_text().replace("o/a", "o/skipped"))
    (problem,) = checked(workspace, capsys)["levels and flags, read again"]["problems"]
    assert problem.endswith("$.models[0]: o/skipped is excluded by id (skip in filters.toml)")


def test_a_filter_without_a_stream_fails(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("manifests") == 1
    (problem,) = checked(workspace, capsys)["filters without a stream"]["problems"]
    assert problem.endswith(
        "$.missing[0]: hf-filter-likes.json was not published; no stream likes on disk; make extract SOURCE=huggingface"
    )


def test_an_unreadable_page_affects_no_other_check(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a")])
    assert workspace.run("manifests") == 0
    page = workspace.data.raw("huggingface", "likes") / "page-0001.json"
    page.unlink()
    page.mkdir()
    capsys.readouterr()
    assert workspace.run("verify", "--json") == 74
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "cannot be read" in checks["raw pages against ledgers"]["problems"][0]
    assert "cannot be looked up in stream likes" in checks["levels and flags, read again"]["problems"][0]


def test_a_ledger_with_too_few_records_fails(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a"), hf("o/b")])
    workspace.write_stream("huggingface", "likes", [hf("o/b")])
    ledger = workspace.data.ledger("huggingface", "default")
    ledger.write_text(ledger.read_text().replace('"records": 2', '"records": 1').replace('"/api/models?', '"//[x?'))
    assert workspace.run("manifests") == 0
    (problem,) = checked(workspace, capsys)["raw pages against ledgers"]["problems"]
    assert "page-0001.json has 2 records (expected 1)" in problem


def test_equal_lists_are_explained_if_each_model_matches_both_filters(
    civitai_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    civitai_workspace.filters.write_text(civitai_workspace.filters.read_text().replace("limit = 20", "limit = 2"))
    loras = [civitai(n, type="LORA") for n in (1, 2, 3)]
    civitai_workspace.write_stream("civitai", "default", [*loras, civitai(9)], exhausted=False)
    civitai_workspace.write_stream("civitai", "loras", [*loras], exhausted=False)
    assert civitai_workspace.run("manifests") == 0
    check = checked(civitai_workspace, capsys)["equal lists"]
    assert check["problems"] == []
    prefix = "civitai-filter-loras.json = civitai-filter-pg.json (2 models): each model matches "
    assert f"{prefix}both filters by its own fields" in check["notes"]


def test_options_of_a_multivalued_field_are_not_disjoint(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = workspace.filters.read_text().replace('"likes", "small", "large", "apache", "other"', '"gguf", "text"')
    text += '[huggingface.axes.tags]\nall = { label = "All" }\ngguf = { label = "GGUF", keeps = ["gguf"] }\n'
    workspace.filters.write_text(text + 'text = { label = "Text", keeps = ["text"] }\n')
    workspace.write_stream(
        "huggingface", "default", [hf("o/a", tags=["gguf", "text"]), hf("o/b", tags=["gguf"]), hf("o/c", tags=[])]
    )
    assert workspace.run("manifests") == 0
    assert checked(workspace, capsys)["exclusive options"]["problems"] == []
    assert workspace.run("explain", "hf/text", "--json") == 0
    drops = json.loads(capsys.readouterr().out)["drops"]
    (drop,) = (step for step in drops if step["what"] == "tags text")
    assert (drop["kept"], drop["dropped"], drop["left"]) == ({"gguf": 1, "text": 1}, {"gguf": 1, "none": 1}, 1)


def test_text_output_shows_notes_warnings_and_all_problems(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = publish_twice(workspace, tmp_path, 12, *(hf(f"o/t{n}", **SMALL) for n in range(5)), exhausted=True)
    capsys.readouterr()
    assert workspace.run("verify", "--base", base, "--max-age", "1s") == 1
    output = capsys.readouterr().out
    assert list(failed(output)) == ["age of the streams"]
    assert "     warning: " in output
    variables = f"DATA={workspace.data.root} FILTERS={workspace.filters}"
    assert output.endswith(
        f"now against {base}: 2 of 5 manifests differ; models: 5 came, 12 went; see make diff BASE={base} {variables}\n"
        "17 checks, 1 failed\n"
    )


def test_each_stale_stream_is_a_warning_with_the_reason(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    stale: dict[str, Any] = {"failed_at": "2026-01-02T00:00:00.000Z", "failed": "no \x1b[31mresponse\nat all"}
    workspace.write_stream("huggingface", "likes", [hf("o/a"), hf("o/b")], **stale)
    assert workspace.run("manifests") == 0
    check = checked(workspace, capsys)["age of the streams"]
    assert (check["problems"], len(check["warnings"])) == ([], 2)
    message = "huggingface/likes: stale, fetching it has failed since 2026-01-02T00:00:00.000Z: no \ufffd[31mresponse at all"
    assert check["warnings"][0] == message
    assert workspace.run("verify") == 0
    assert f"     warning: {message}\n" in capsys.readouterr().out


@pytest.mark.parametrize(("before", "count"), [(9, 0), (10, 1)])
def test_manifests_of_ten_or_more_models_are_compared_with_the_base(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], before: int, count: int
) -> None:
    base = publish_twice(workspace, tmp_path, before, *(hf(f"o/s{n}", **(SMALL if n < 1 else {})) for n in range(before)))
    problems = checked(workspace, capsys, "--base", base)["models lost since the base"]["problems"]
    assert len([problem for problem in problems if "hf-filter-small.json" in problem]) == count


@pytest.mark.parametrize(("now", "problems"), [("1767225600", 0), ("1767139201", 0), ("1767139199", 1)])
def test_a_clock_may_be_a_day_slow(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, now: str, problems: int
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")], checked_at="2026-01-01T00:00:00.000Z")  # 1767225600
    workspace.write_stream("huggingface", "likes", [hf("o/b")], checked_at="2025-12-01T00:00:00.000Z")
    assert workspace.run("manifests") == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", now)
    assert len(checked(workspace, capsys)["age of the streams"]["problems"]) == problems

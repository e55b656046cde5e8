"""Tests of values: what models have in each field, counted by source and stream."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter
from itertools import chain
from typing import Any

import pytest

from etl.config.load import load_config
from etl.core.ids import model_key
from etl.explain.values import list_values
from etl.selection.stored import StoredStreams
from tests.conftest import Workspace, hf
from tests.conftest import civitai as record_of
from tests.support.builders import image
from tests.support.project_copy import CIVITAI

HOSTILE = 'a  "b"\x1b[31m\u202e\u200b\\[red]\U000e0041'
NO_STREAM = "no complete stream on disk; fetch with: make extract"


def put(workspace: Workspace, default: list[Any], likes: list[Any] | None = None, **options: Any) -> None:
    """Write the two streams of the Hub and build their models."""
    workspace.write_stream("huggingface", "default", default, **options)
    workspace.write_stream("huggingface", "likes", likes or [], **options)
    assert workspace.run("transform") == 0


def values_json(workspace: Workspace, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    """Return what values prints with --json."""
    capsys.readouterr()
    assert workspace.run("values", "--json", *options) == 0
    return json.loads(capsys.readouterr().out)


def field_json(workspace: Workspace, capsys: pytest.CaptureFixture[str], field: str) -> Any:
    return values_json(workspace, capsys, "--field", field)["huggingface"]["fields"][field]


def printed(workspace: Workspace, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capsys.readouterr()
    assert workspace.run("values", *options) == 0
    return capsys.readouterr().out.splitlines()


def line(lines: list[str], field: str) -> str:
    """Return what the overview shows of a field."""
    return next(text for text in lines if text.split()[0] == field).split(maxsplit=1)[1]


def licensed(name: str, license_: str, **fields: Any) -> dict[str, Any]:
    return hf(name, tags=[f"license:{license_}"], **fields)


def test_a_model_counts_once_per_source_and_once_per_stream(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(
        workspace,
        [licensed("o/a", "mit"), licensed("O/A", "mit"), licensed("o/b", "mit"), licensed("o/skipped", "mit")],
        [licensed("O/a", "mit"), licensed("o/c", "gemma")],
    )
    report = values_json(workspace, capsys, "--field", "license")
    assert report == {
        "huggingface": {
            "models": 3,
            "streams": {"default": 2, "likes": 2},
            "fields": {
                "license": {
                    "kind": "values", "distinct": 2, "null": 0, "empty": 0, "range": None, "stream_ranges": {},
                    "values": [
                        {"value": "mit", "models": 2, "streams": {"default": 2, "likes": 1}},
                        {"value": "gemma", "models": 1, "streams": {"likes": 1}},
                    ],
                }
            },
        }
    }  # fmt: skip
    assert printed(workspace, capsys, "--field", "license") == [
        "huggingface: 3 models in 2 streams",
        "all  default  likes  value",
        "  3        2      2  (models)",
        '  2        2      1  "mit"',
        '  1        0      1  "gemma"',
    ]


def test_a_model_whose_records_differ_counts_for_each_value(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(workspace, [licensed("o/a", "mit"), hf("o/b", tags=["x", "y"])], [licensed("o/a", "gemma"), hf("o/b", tags=["y", "z"])])
    counts = {count["value"]: count["models"] for count in field_json(workspace, capsys, "license")["values"]}
    assert counts == {"gemma": 1, "mit": 1, None: 1}
    counts = {count["value"]: count["models"] for count in field_json(workspace, capsys, "tags")["values"]}
    assert counts == {"license:mit": 1, "license:gemma": 1, "x": 1, "y": 1, "z": 1}


def test_a_model_of_several_spellings_has_the_values_fetched_last(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "likes", [licensed("O/A", "gemma")], fetched_at="2026-02-01T00:00:00.000Z")
    workspace.write_stream("huggingface", "default", [licensed("o/a", "mit")])
    assert workspace.run("transform") == 0
    assert field_json(workspace, capsys, "license")["values"] == [
        {"value": "gemma", "models": 1, "streams": {"default": 1, "likes": 1}}
    ]


def test_null_booleans_items_and_empty_lists_are_values(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(
        workspace,
        [
            licensed("o/a", "null", gated=False), licensed("o/b", "true", gated="auto"),
            hf("o/c", gated="false", tags=["x", "x"]),
            hf("o/d"), hf("o/e"),
        ],
    )  # fmt: skip
    lines = printed(workspace, capsys)
    assert line(lines, "license") == '"null" 1, "true" 1; null 3'
    assert line(lines, "gated") == 'false 1, "auto" 1, "false" 1; null 2'
    assert line(lines, "tags") == '"license:null" 1, "license:true" 1, "x" 1; [] 2'
    assert line(lines, "created") == "null 5"
    assert [text.split()[-1] for text in printed(workspace, capsys, "--field", "license")[3:]] == ["null", '"null"', '"true"']
    field = values_json(workspace, capsys)["huggingface"]["fields"]["license"]
    assert [(count["value"], count["models"], count["streams"]) for count in field["values"]] == [
        (None, 3, None), ("null", 1, None), ("true", 1, None),
    ]  # fmt: skip
    assert (field["null"], field["distinct"]) == (3, 2)


def test_the_overview_has_ten_values_and_counts_the_rest(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(workspace, [licensed(f"o/{index}", f"l{index % 12:02}") for index in range(25)])
    expected = ", ".join(['"l00" 3', *(f'"l{index:02}" 2' for index in range(1, 10))])
    assert line(printed(workspace, capsys), "license") == f"{expected}, and 2 more"
    field = values_json(workspace, capsys)["huggingface"]["fields"]["license"]
    assert (field["distinct"], len(field["values"])) == (12, 10)
    assert [count["value"] for count in field_json(workspace, capsys, "license")["values"]] == [f"l{n:02}" for n in range(12)]


def test_many_numbers_and_times_are_a_range(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    days = [f"2026-01-{day:02}T00:00:00.000Z" for day in range(1, 12)]
    records = [hf(f"o/{n}", downloads=n * 10**8, likes=n % 2, lastModified=days[n]) for n in range(11)]
    put(workspace, [*reversed(records), hf("o/none", downloads=None)], records[:1])
    lines = printed(workspace, capsys)
    assert line(lines, "downloads") == "0 to 1e9, median 5e8; null 1"
    assert line(lines, "updated") == "2026-01-01 to 2026-01-11, median 2026-01-05"
    assert line(lines, "likes") == "0 6, 1 6"
    assert [text.split() for text in printed(workspace, capsys, "--field", "downloads")[1:]] == [
        ["models", "null", "min", "p10", "p25", "median", "p75", "p90", "max", "stream"],
        ["12", "1", "0", "100000000", "200000000", "500000000", "800000000", "900000000", "1000000000", "all"],
        ["12", "1", "0", "100000000", "200000000", "500000000", "800000000", "900000000", "1000000000", "default"],
        ["1", "0", "0", "0", "0", "0", "0", "0", "0", "likes"],
    ]
    field = field_json(workspace, capsys, "updated")
    assert (field["kind"], field["range"]["min"], field["range"]["max"]) == ("range", days[0], days[-1])
    assert field["stream_ranges"]["likes"]["max"] == days[0]
    assert field_json(workspace, capsys, "license")["range"] is None


def test_texts_that_hardly_repeat_are_counted_with_examples(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(workspace, [hf(f"o/{n:02}") for n in range(11)])
    lines = printed(workspace, capsys)
    assert line(lines, "id") == '11 values, such as "o/00", "o/01", "o/02"'
    assert line(lines, "author") == '"o" 11'
    assert len(printed(workspace, capsys, "--field", "id")) == 14


def test_remote_text_is_escaped_and_can_be_copied(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 900
    put(workspace, [hf("o/a", tags=[HOSTILE]), hf("o/b", tags=[long])])
    assert line(printed(workspace, capsys), "tags").endswith(f', "{"x" * 59}… 1')
    lines = printed(workspace, capsys, "--field", "tags")[3:]
    assert all(text.isprintable() for text in lines)
    assert [json.loads(re.sub(r"^[ 0-9]*", "", text)) for text in lines] == [HOSTILE, long]


def test_a_narrow_terminal_cuts_no_value(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "30")
    long = "long value " * 20
    put(workspace, [hf("o/a", tags=[long])])
    for index in range(8):  # too many streams for columns
        assert any(json.dumps(long) in text for text in printed(workspace, capsys, "--field", "tags"))
        workspace.write_stream("huggingface", f"s{index}", [hf("o/a", tags=[long])], asks={"sort": f"s{index}"})
        assert workspace.run("transform") == 0


def test_many_streams_follow_each_value(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(workspace, [licensed("o/a", "mit")])
    for index in range(6):
        workspace.write_stream(
            "huggingface", f"s{index}", [licensed("o/b", "mit"), licensed("o/c", f"l{index % 5}")], asks={"sort": f"s{index}"}
        )
    assert workspace.run("transform") == 0
    assert printed(workspace, capsys, "--field", "license")[:7] == [
        "huggingface: 3 models in 8 streams",
        "  3  (models)",
        "       default 1, likes 0, s0 2, s1 2, s2 2, s3 2, s4 2, s5 2",
        '  2  "mit"',
        "       default 1, s0 1, s1 1, s2 1, s3 1, s4 1, s5 1",
        '  1  "l0"',
        "       s0 1, s5 1",
    ]
    workspace.write_stream("huggingface", "s5", [licensed(f"o/{index}", "mit") for index in range(3)], asks={"sort": "s5"})
    assert workspace.run("transform") == 0
    assert printed(workspace, capsys, "--field", "license")[4] == "       s5 3, default 1, s0 1, s1 1, s2 1, s3 1, s4 1"


@pytest.mark.parametrize(("source", "field"), [("huggingface", "license"), ("civitai", "level"), ("civitai", "base")])
def test_a_count_is_that_of_a_filter_that_keeps_the_value(
    shipped: Workspace, capsys: pytest.CaptureFixture[str], source: str, field: str
) -> None:
    assert shipped.run("transform", "--source", source) == 0
    report = values_json(shipped, capsys, "--source", source, "--field", field)[source]
    config = next(config for config in load_config(shipped.filters).sources if config.name == source)
    streams = StoredStreams(shipped.data, config).all_streams()
    assert len(report["fields"][field]["values"]) > 3
    for count in report["fields"][field]["values"]:
        matches = {
            name: sum(
                stream.selection.group_at(position).values[field] == count["value"]
                for position in stream.selection.positions_in_order
            )
            for name, stream in streams.items()
        }
        assert count["streams"] == {name: number for name, number in matches.items() if number}
        assert count["models"] >= max(matches.values())


def test_what_other_records_decide_is_what_counts(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(f"limit = 2\ndepth = 4\n{CIVITAI}")
    workspace.write_stream("civitai", "default", [record_of(1), record_of(2), record_of(3)])
    workspace.write_stream("civitai", "worse", [record_of(1, nsfwLevel=8), record_of(2, poi=True)], asks={"period": "Day"})
    assert workspace.run("transform") == 0
    report = values_json(workspace, capsys, "--field", "level")["civitai"]
    assert (report["models"], report["streams"]) == (2, {"default": 2, "worse": 1})
    assert [(count["value"], count["streams"]) for count in report["fields"]["level"]["values"]] == [
        ("pg", {"default": 1}), ("x", {"default": 1, "worse": 1}),
    ]  # fmt: skip


def test_a_source_or_the_sources_that_have_the_field_are_listed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(workspace.filters.read_text() + CIVITAI)
    workspace.write_stream("civitai", "default", [record_of(1)])
    put(workspace, [hf("o/a")])
    assert list(values_json(workspace, capsys)) == ["huggingface", "civitai"]
    assert list(values_json(workspace, capsys, "--source", "civitai")) == ["civitai"]
    assert list(values_json(workspace, capsys, "--field", "base")) == ["civitai"]
    assert printed(workspace, capsys, "--field", "base")[0] == "civitai: 1 model in 1 stream"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--field", "licence"), "field 'licence' not found in the models of huggingface, civitai; nearest: license"),
        (("--field", "base", "--source", "huggingface"), "field 'base' not found in the models of huggingface\n"),
        (("--source", "elsewhere"), "unknown source; choose from"),
    ],
)
def test_an_unknown_field_ends_with_2_and_the_nearest(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    workspace.filters.write_text(workspace.filters.read_text() + CIVITAI)
    assert workspace.run("values", *options) == 2
    assert message in capsys.readouterr().err


def test_a_source_without_filters_ends_with_2(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace.run("values", "--source", "civitai") == 2
    assert capsys.readouterr().err == "--source: must be a source of the filters file\n"


def test_missing_streams_and_models_are_reported(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(workspace.filters.read_text() + CIVITAI)
    assert workspace.run("values") == 1
    assert f"{NO_STREAM} DATA=" in capsys.readouterr().err
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    workspace.write_stream("huggingface", "likes", [hf("o/a")], complete=False)
    assert workspace.run("values") == 1
    assert "build the models first: make manifests DATA=" in capsys.readouterr().err
    assert workspace.run("transform", "--source", "huggingface") == 0
    lines = printed(workspace, capsys)
    assert lines[0] == "huggingface: 1 model in 1 stream"
    assert lines[-2].startswith(f"civitai: {NO_STREAM} SOURCE=civitai DATA=")
    assert lines[-1].startswith("all values of a field, by stream: make values FIELD=tags DATA=")


@pytest.mark.parametrize("change", [{"tags": [[]]}, {"author": {}}, None])
def test_models_that_violate_their_schema_end_with_65(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], change: dict[str, Any] | None
) -> None:
    put(workspace, [hf("o/a")])
    path = workspace.data.models("huggingface", "default") / "page-0001.json"
    (model,) = json.loads(path.read_text())
    path.write_text(
        json.dumps([{"id": "o/a", "slug": "a", "name": "a", "size": "", "license": ""}] if change is None else [model | change])
    )
    assert workspace.run("values") == 65
    assert f"{path.parent}: o/a: not valid output of the transform; rebuild it: make transform" in capsys.readouterr().err


def test_the_counts_of_the_snapshot_are_those_of_its_models(shipped: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.run("transform", "--source", "huggingface") == 0
    report = values_json(shipped, capsys, "--source", "huggingface")["huggingface"]
    folder = shipped.data.models("huggingface")
    pages = [json.loads(path.read_text()) for path in sorted(folder.glob("*/page-*.json"))]
    tags: dict[str, set[str]] = {}
    for model in chain.from_iterable(pages):
        tags.setdefault(model_key(model["id"]), set()).update(model["tags"])
    counts = Counter(chain.from_iterable(tags.values()))
    assert len(counts) > 1000
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    assert [(count["value"], count["models"]) for count in report["fields"]["tags"]["values"]] == expected


def test_of_a_list_of_objects_the_lengths_are_counted(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    own = CIVITAI.replace("page = 2\n", 'page = 2\nimage_hosts = ["image.civitai.com"]\n')
    where = "where = '.images | any(.level == \"r\" and .width > 1)'"
    filters = own.replace('manifests = ["pg"]', 'manifests = ["pg", "wide"]') + f'wide = {{ label = "Wide", {where} }}\n'
    workspace.filters.write_text(f"limit = 2\ndepth = 4\n{filters}")
    listed = [[image(1)], [image(1), image(4)], [image(4), image(8)], []]
    workspace.write_stream(
        "civitai", "default", [record_of(n + 1, modelVersions=[{"images": images}]) for n, images in enumerate(listed)]
    )
    assert workspace.run("transform") == 0
    assert line(printed(workspace, capsys), "images") == "2 objects 2, 1 object 1; [] 1"
    assert [text.split() for text in printed(workspace, capsys, "--field", "images")[2:]] == [
        ["4", "4", "(models)"], ["2", "2", "2"], ["1", "1", "1"], ["1", "1", "[]"],
    ]  # fmt: skip
    field = values_json(workspace, capsys)["civitai"]["fields"]["images"]
    assert (field["kind"], field["distinct"], field["empty"]) == ("lengths", 2, 1)
    assert workspace.run("load") == 0
    assert workspace.ids("civitai-filter-wide.json") == ["2", "3"]


def peak_bytes(workspace: Workspace, models: int) -> int:
    """Return the most memory that counting a field of so many models of one stream takes."""
    pages = [[licensed(f"o/{page}-{number}", "mit") for number in range(100)] for page in range(models // 100)]
    workspace.write_stream("huggingface", "default", *pages)
    workspace.write_stream("huggingface", "likes", [licensed("o/other", "mit")])
    assert workspace.run("manifests") == 0
    sources = load_config(workspace.filters).sources
    list_values(workspace.data, sources, "license")  # what is kept between calls
    tracemalloc.start()
    report = list_values(workspace.data, sources, "license")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report["huggingface"].models == models + 1
    return peak


def test_models_of_one_stream_with_the_same_value_take_little_memory(workspace: Workspace) -> None:
    assert (peak_bytes(workspace, 2500) - peak_bytes(workspace, 500)) / 2000 < 100

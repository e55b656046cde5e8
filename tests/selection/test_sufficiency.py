"""When a stream is complete enough: models that complete streams on disk withhold fill no manifest."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.core.errors import InvalidDataError
from etl.pipeline import sufficiency_check
from etl.storage.json_files import JsonBody, parse_json_body
from etl.storage.locks import Locks
from etl.transform.page import transform_page
from tests.conftest import TIME, hf
from tests.load.test_expressions import HUB, model
from tests.load.test_levels_in_expressions import LEVELS
from tests.load.test_withheld import CIVITAI, POI, civitai
from tests.verify.test_fields_and_limits import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.selection.sufficiency import Progress, SufficiencyCheck
    from tests.conftest import Workspace


def parsed(value: Any) -> JsonBody:
    return parse_json_body(json.dumps(value).encode(), "page")


def sufficient_after(workspace: Workspace, *pages: list[dict[str, Any]]) -> list[bool]:
    """Return whether stream `default` is sufficient after each of the pages."""
    source = load_config(workspace.filters).sources[0]
    assess_page = sufficiency_check(workspace.data, source, Locks(workspace.data.root, "test", print)).assess(source.streams[0])
    assert source.streams[0].name == "default"
    return [assess_page(parsed({"items": page}), TIME).is_sufficient for page in pages]


@pytest.fixture
def civitai_workspace(workspace: Workspace) -> Workspace:
    """Return a data folder for CivitAI whose stream `month` says that model 1 depicts a real person."""
    workspace.filters.write_text(CIVITAI.replace("limit = 3", "limit = 2"))
    workspace.write_stream("civitai", "month", [civitai(1, **POI), civitai(4, nsfwLevel=4)])
    return workspace


def test_models_withheld_by_a_stream_on_disk_do_not_count(civitai_workspace: Workspace) -> None:
    pages = [civitai(1), civitai(2)], [civitai(4)], [civitai(3)]
    assert sufficient_after(civitai_workspace, *pages) == [False, False, True]
    assert civitai_workspace.run("transform") == 0  # from here on models are read instead of raw pages
    assert sufficient_after(civitai_workspace, *pages) == [False, False, True]
    civitai_workspace.write_stream("civitai", "month", [civitai(1, **POI)], complete=False)
    assert sufficient_after(civitai_workspace, *pages) == [True, True, True]


def test_later_records_of_the_same_stream_count(civitai_workspace: Workspace) -> None:
    assert sufficient_after(civitai_workspace, [civitai(2), civitai(2, **POI), civitai(3)], [civitai(5)]) == [False, True]


def test_unreadable_streams_on_disk_withhold_nothing(civitai_workspace: Workspace) -> None:
    (civitai_workspace.data.raw("civitai", "month") / "page-0001.json").write_text("<html>")
    assert sufficient_after(civitai_workspace, [civitai(1), civitai(2)]) == [True]
    civitai_workspace.data.ledger("civitai", "month").write_text("{}")
    assert sufficient_after(civitai_workspace, [civitai(1), civitai(2)]) == [True]


def test_withheld_models_count_as_requested(civitai_workspace: Workspace) -> None:
    source = load_config(civitai_workspace.filters).sources[0]
    check = sufficiency_check(civitai_workspace.data, source, Locks(civitai_workspace.data.root, "test", print))
    assess_page = check.assess(source.streams[0])
    progress = assess_page(parsed({"items": [civitai(1), civitai(2)]}), TIME)
    assert (progress.models, progress.unrequested, progress.duplicates) == (2, 0, 0)


def test_streams_by_base_model_have_partial_records(civitai_workspace: Workspace) -> None:
    civitai_workspace.write_stream("civitai", "sdxl", [civitai(2, nsfwLevel=8), civitai(3, nsfw=True)])
    assert sufficient_after(civitai_workspace, [civitai(2), civitai(5)]) == [True]  # its complete record is pg
    assert sufficient_after(civitai_workspace, [civitai(3), civitai(5)]) == [False]  # a flag counts everywhere
    assert civitai_workspace.run("transform") == 0
    assert sufficient_after(civitai_workspace, [civitai(2), civitai(5)]) == [True]
    source = load_config(civitai_workspace.filters).sources[0]
    check = sufficiency_check(civitai_workspace.data, source, Locks(civitai_workspace.data.root, "test", print))
    assess = {stream.name: check.assess(stream) for stream in source.streams}
    assess["sdxl"](parsed({"items": [civitai(5, nsfwLevel=8)]}), TIME)
    assert assess["default"](parsed({"items": [civitai(5), civitai(6)]}), TIME).is_sufficient


def test_models_of_replaced_pages_are_ignored(civitai_workspace: Workspace) -> None:
    assert civitai_workspace.run("transform") == 0
    civitai_workspace.write_stream("civitai", "month", [civitai(2, **POI)])
    assert sufficient_after(civitai_workspace, [civitai(1), civitai(2)], [civitai(3)]) == [False, True]


@contextmanager
def assessing(workspace: Workspace) -> Iterator[Callable[[Any, str], bool]]:
    """Yield a function that takes the next page of stream `default` with its time and returns whether that is enough."""
    source = load_config(workspace.filters).sources[0]
    stream = next(stream for stream in source.streams if stream.name == "default")
    with sufficiency_check(workspace.data, source, Locks(workspace.data.root, "test", print)) as check:
        assess_page = check.assess(stream)
        yield lambda page, time: assess_page(parsed(page), time).is_sufficient


@pytest.mark.parametrize("has_models", [False, True])
def test_expressions_use_what_all_records_decide(
    civitai_workspace: Workspace,
    has_models: bool,  # noqa: FBT001  a column
) -> None:
    civitai_workspace.filters.write_text(
        LEVELS.replace("limit = 9", "limit = 2").replace(
            '["safe", "clean", "explicit", "month", "safe/sdxl"]', '["clean", "month"]'
        )
    )
    month = [civitai(1, nsfwLevel=5), civitai(2, nsfw=True), civitai(3, **POI), civitai(4)]
    civitai_workspace.write_stream("civitai", "month", month)
    if has_models:
        assert civitai_workspace.run("transform") == 0
    pages = [civitai(1), civitai(2), civitai(3)], [civitai(4)], [civitai(5), civitai(5, nsfwLevel=2)], [civitai(6)]
    with assessing(civitai_workspace) as is_enough:
        assert [is_enough({"items": page}, TIME) for page in pages] == [False, False, False, True]
    civitai_workspace.write_stream("civitai", "month", month, complete=False)
    with assessing(civitai_workspace) as is_enough:
        assert is_enough({"items": pages[0]}, TIME)


def test_ages_count_from_the_time_of_each_page(workspace: Workspace) -> None:
    workspace.filters.write_text(re.sub(r"manifests = \[.*?\]", 'manifests = ["month"]', HUB, flags=re.DOTALL))
    pages = [[model(f"o/{number}")] for number in range(3)]  # of 1 January
    late, early = "2026-01-31T00:00:00.000Z", "2026-01-30T23:59:59.999Z"
    for times, expected in {
        (early, early): [False, True],
        (late, early, early): [False, False, True],
        (early, late): [False] * 2,
    }.items():
        with assessing(workspace) as is_enough:
            assert [is_enough(page, time) for page, time in zip(pages, times, strict=False)] == expected


def test_models_are_requested_by_the_field_of_an_axis(civitai_workspace: Workspace) -> None:
    civitai_workspace.filters.write_text(FIELDS)
    source = load_config(civitai_workspace.filters).sources[0]
    loras = next(stream for stream in source.streams if stream.name == "loras")
    with sufficiency_check(civitai_workspace.data, source, Locks(civitai_workspace.data.root, "test", print)) as check:
        progress = check.assess(loras)(parsed({"items": [civitai(1, type="LORA"), civitai(2, type="VAE")]}), TIME)
    assert (progress.models, progress.unrequested) == (2, 1)


ORDER = '[SOURCE.axes.order]\nsent = { label = "-" }\nliked = { label = "Liked", orders = "likes" }\n'


@pytest.fixture
def transformed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that gets what the transform was called for."""
    calls: list[object] = []

    def transform(source: Any, body: Any, where: object, options: Any) -> object:
        calls.append(body)
        return transform_page(source, body, where, options)

    monkeypatch.setattr("etl.transform.page.transform_page", transform)
    return calls


def check_of(workspace: Workspace) -> tuple[SufficiencyCheck, dict[str, Callable[[Any], Progress]]]:
    """Return the check of the only source, and by stream what assesses its pages."""
    (source,) = load_config(workspace.filters).sources
    check = sufficiency_check(workspace.data, source, Locks(workspace.data.root, "test", print))
    assess = {stream.name: check.assess(stream) for stream in source.streams}

    def assess_parsed(stream: str, page: Any) -> Progress:
        return assess[stream](parsed(page), TIME)

    return check, {name: partial(assess_parsed, name) for name in assess}


def test_a_stream_with_an_order_is_counted_without_the_transform(workspace: Workspace, transformed: list[object]) -> None:
    filters = """
        limit = 1
        depth = 10
        [huggingface]
        prefix = "hf"
        page = 5
        rate = { requests = 1, seconds = 1, in_flight = 1 }
        skip = ["o/skipped"]
        manifests = ["default", "liked"]
    """
    pages = [
        [hf("o/a"), hf("O/A"), hf("o/skipped"), hf("o/Skipped")],
        [hf("o/b"), hf("o/a", likes=9), hf("o/p", private=True), hf("o/p", private=True), {"likes": 1}, "text"],
    ]
    counts = []
    for manifests in ('["default", "liked"]', '["default"]'):  # the second is counted by models
        workspace.filters.write_text(filters.replace('["default", "liked"]', manifests) + ORDER.replace("SOURCE", "huggingface"))
        check, assess = check_of(workspace)
        results = [assess["default"](page) for page in pages]
        counts.append([(result.models, result.duplicates, result.unrequested) for result in results])
        assert [result.is_sufficient for result in results] == [manifests == '["default"]'] * 2
        assert (bool(check.tallies), len(transformed)) == ((False, 0) if "liked" in manifests else (True, 2))
    assert counts[0] == counts[1] == [(1, 1, 0), (2, 2, 0)]


def ordered_civitai(workspace: Workspace, manifests: str) -> None:
    text = re.sub(r"manifests = \[.*\]", f"manifests = {manifests}", CIVITAI.replace("limit = 3", "limit = 2"))
    workspace.filters.write_text(text + ORDER.replace("SOURCE", "civitai"))


def test_records_of_a_stream_with_an_order_withhold_models_from_others(workspace: Workspace, transformed: list[object]) -> None:
    ordered_civitai(workspace, '["pg", "month/liked"]')
    _, assess = check_of(workspace)
    worse = [civitai(1, **POI), civitai(2, nsfwLevel=4), civitai(3, nsfw=True), civitai(4), civitai(4)]
    progress = assess["month"]({"items": worse})
    assert (progress.models, progress.duplicates, transformed) == (3, 1, [])
    pages = [civitai(number) for number in (1, 2, 3)], [civitai(4)], [civitai(5)]
    assert [assess["default"]({"items": page}).is_sufficient for page in pages] == [False, False, True]
    assert len(transformed) == 3


@pytest.mark.parametrize("manifests", ['["month"]', '["month/liked"]'])
def test_a_page_must_be_a_response_of_the_source(workspace: Workspace, manifests: str) -> None:
    ordered_civitai(workspace, manifests)
    _, assess = check_of(workspace)
    message = r"^the response: \$\.metadata\.nextCursor: .*; the source has changed its format$"
    with pytest.raises(InvalidDataError, match=message):
        assess["month"]({"items": [civitai(1)], "metadata": {"nextCursor": {}}})


def test_a_stream_with_an_order_is_transformed_to_see_if_its_models_were_requested(
    workspace: Workspace, transformed: list[object]
) -> None:
    ordered_civitai(workspace, '["liked", "liked/loras"]')
    loras = 'loras = { label = "-", asks = { types = ["LORA"] }, keeps = ["LORA"] }'
    with workspace.filters.open("a") as file:
        file.write(f'[civitai.axes.type]\nany = {{ label = "-" }}\n{loras}\n')
    check, assess = check_of(workspace)
    progress = assess["loras"]({"items": [civitai(1, type="LORA"), civitai(2, type="VAE")]})
    assert (progress.models, progress.unrequested, len(transformed)) == (2, 1, 1)
    assess["default"]({"items": [civitai(1, type="LORA", **POI)]})
    check.withhold()
    assert check.tallies.keys() == {"loras"}
    assert check.tallies["loras"].count(lambda _: True) == len(transformed) == 1

"""The images that a CivitAI model keeps: one for each level, from hosts of filters.toml."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.levels import LEVELS
from etl.core.schemas import load_schema
from etl.sources.civitai.audit import AUDIT
from etl.sources.civitai.images import choose_images
from etl.sources.source import TransformOptions, get_source
from etl.transform.page import PageResult, transform_page
from tests.conftest import civitai
from tests.support.builders import civitai_catalogue, image, with_addresses

HOST = "image.civitai.com"
PATH = f"https://{HOST}/a/original=true/1.jpeg"
BLURHASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"
OPTIONS = TransformOptions(image_hosts=(HOST,))


def transform(*versions: Any, options: TransformOptions = OPTIONS, **fields: Any) -> PageResult:
    """Return a page of one record with versions of these images."""
    record = civitai(1, **{"modelVersions": [{"images": images} for images in versions], **fields})
    return transform_page(get_source("civitai"), json.dumps({"items": [record]}).encode(), "a page", options)


def kept(*versions: Any, **fields: Any) -> list[dict[str, Any]]:
    page = transform(*versions, **fields)
    assert all(lost.field != "images" for lost in page.dropped)
    images: list[dict[str, Any]] = page.models[0]["images"]
    return images


def numbers(images: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(entry["level"], int(entry["url"].rpartition("/")[2].removesuffix(".jpeg"))) for entry in images]


def test_an_image_has_its_scaled_url_size_level_and_blurhash() -> None:
    url = f"https://{HOST}/example/00000000-0000-4000-8000-000000000007/width=450/7.jpeg"
    assert kept([image(4, 7)]) == [{"url": url, "width": 832, "height": 1216, "level": "r", "blurhash": BLURHASH}]
    assert list(kept([image(4, 7)])[0]) == ["url", "width", "height", "level", "blurhash"]


def test_the_first_image_of_each_level_is_kept_from_the_mildest() -> None:
    shown, other = [image(16, 1), image(4, 2), image(4, 3)], [image(1, 4), image(4, 5), image(8, 6), image(2, 7)]
    assert numbers(kept(shown, other)) == [("pg", 4), ("pg13", 7), ("r", 2), ("x", 6), ("xxx", 1)]


def test_a_model_without_images_has_an_empty_list() -> None:
    empty: list[list[Any]] = [[], [[]], [None], [[{"nsfwLevel": 1}]]]
    for versions in empty:
        assert kept(*versions) == []
    assert kept(modelVersions=None) == []


WRONG: dict[str, list[Any]] = {
    "type": ["video", "audio", "IMAGE", None, True, [], {}],
    "poi": [True, 1, 0, "", "false", [], {}],
    "minor": [True, 1, 0, "", "false", [], {}],
    "nsfwLevel": [0, 3, 5, 31, 32, 33, 36, 64, -1, None, True, "1", [1], {}, 1.5, 2**60],
    "url": [
        None, True, 5, [], {}, "", "x", "/original=true/1.jpeg", f"//{HOST}/1.jpeg", f"http://{HOST}/1.jpeg",
        f"HTTPS://{HOST}/1.jpeg", "javascript:alert(1)", "data:image/png;base64,AA", "https://evil.example/1.jpeg",
        f"https://{HOST}.evil.example/1.jpeg", f"https://evil.example/{HOST}/1.jpeg", f"https://{HOST}@evil.example/1",
        f"https://user@{HOST}/1.jpeg", f"https://u:p@{HOST}/1.jpeg", f"https://{HOST}:443/1.jpeg", f"https://{HOST}",
        f"https://{HOST}\\@evil.example/1", f"https://{HOST}/a?b=c", f"https://{HOST}/a#b", f"https://{HOST.upper()}/1",
        f"https://{HOST}./1.jpeg", f"https:///{HOST}/1.jpeg", f"https://{HOST}/" + "a" * 2000, "https://../1.jpeg",
        *(f"https://{HOST}/a{char}b" for char in " \t\n\r\0\x7f\x1b\"'`<>()\\^{}|\u202e\u2028é"),
        f"{PATH}\n", f" {PATH}", f"{PATH} onerror=alert(1)",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_what_no_card_may_show_is_passed_over_for_the_next(field: str, value: Any) -> None:
    assert numbers(kept([image(1, 1, **{field: value}), image(1, 2)], [image(1, 3)])) == [("pg", 2)]


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in ("poi", "minor", "nsfwLevel") for value in WRONG[field]]
)
def test_an_image_that_is_forbidden_once_is_chosen_nowhere_in_its_record(field: str, value: Any) -> None:
    page = transform([image(1, 1), image(1, 2)], [image(1, 1, **{field: value})])
    assert numbers(page.models[0]["images"]) == [("pg", 2)]
    assert page.forbidden_images == {"1": [kept([image(1, 1)])[0]["url"]]}


def test_only_images_that_a_model_could_have_are_forbidden() -> None:
    elsewhere = image(1, 1, url="https://b.example/1.jpeg", poi=True)
    assert transform([elsewhere, image(1, 2, url=None, poi=True), image(1, 3, type="video")]).forbidden_images == {}
    assert transform([image(1, 1, poi=True)], id="x").forbidden_images != {}  # a rejected record counts for others


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (PATH, f"https://{HOST}/a/width=450/1.jpeg"),
        (f"https://{HOST}/a/width=1024/1.jpeg", f"https://{HOST}/a/width=1024/1.jpeg"),
        (f"https://{HOST}/a/original=true", f"https://{HOST}/a/original=true"),
        (f"https://{HOST}/%22%3E/original=true/-_.~!$&*+,;=:@", f"https://{HOST}/%22%3E/width=450/-_.~!$&*+,;=:@"),
        (f"https://{HOST}/" + "a" * (2000 - len(HOST) - 9), f"https://{HOST}/" + "a" * (2000 - len(HOST) - 9)),
    ],
)
def test_valid_urls_are_kept(url: str, expected: str) -> None:
    assert [entry["url"] for entry in kept([image(1, url=url)])] == [expected]


def test_only_hosts_of_filters_toml_are_named() -> None:
    images = [image(1, 1, url="https://b.example/original=true/1.jpeg"), image(1, 2)]
    assert numbers(kept(images, options=TransformOptions(image_hosts=("b.example", HOST)))) == [("pg", 1)]
    assert numbers(kept(images)) == [("pg", 2)]
    assert kept(images, options=TransformOptions()) == []


@pytest.mark.parametrize("value", [0, -1, 1.5, "832", True, None, [], {}, 2**53, float("1e300")])
def test_a_size_that_is_not_a_positive_integer_is_null(value: Any) -> None:
    (entry,) = kept([image(1, width=value, height=3)])
    assert (entry["width"], entry["height"]) == (None, 3)
    (entry,) = kept([image(1, width=3, height=value)])
    assert (entry["width"], entry["height"]) == (3, None)


@pytest.mark.parametrize("value", [BLURHASH, "000000", "UBJRmE%M00RP?bWB%Mt700M{xuRj~qt7ofof", "|" + "~" * 165, "8" + "-" * 21])
def test_a_blurhash_is_kept(value: str) -> None:
    assert [entry["blurhash"] for entry in kept([image(1, hash=value)])] == [value]


@pytest.mark.parametrize(
    "value",
    [
        None, "", 5, True, [], {}, BLURHASH[:-1], f"{BLURHASH}0",
        f"{BLURHASH}\n", "00000", "0000000", "000 00", "00000\\", '00000"',
        "00000<", "00000é", "}" + "~" * 23, "~" * 44, "LEHV6nWB2yk8pyo0adR*.7kCMdnj%%",
    ],
)  # fmt: skip
def test_a_malformed_blurhash_is_null(value: Any) -> None:
    assert [entry["blurhash"] for entry in kept([image(1, hash=value)])] == [None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
    | st.sampled_from([PATH, BLURHASH, "image", 1, 16, f"{PATH}\x00", "https://evil.example/original=true/1"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["url", "nsfwLevel", "type", "poi", "minor", "width", "height", "hash"]), inner),
    max_leaves=12,
)  # fmt: skip
NEARLY = st.builds(image, st.sampled_from([1, 2, 4, 8, 16, 3, 32]), st.integers(1, 9)) | st.builds(
    lambda fields: image(1, **fields),
    st.dictionaries(st.sampled_from(["url", "nsfwLevel", "type", "poi", "hash", "width"]), JSON),
)


@given(st.lists(st.lists(NEARLY | JSON, max_size=5) | JSON, max_size=3))
def test_any_images_cost_no_model(versions: list[Any]) -> None:
    page = transform(*versions)
    assert not page.set_aside
    (model,) = page.models
    assert load_schema("civitai/model").violations(model) == []
    levels = [LEVELS.index(entry["level"]) for entry in model["images"]]
    assert levels == sorted(set(levels))
    audited = AUDIT.image_levels(civitai(1, modelVersions=[{"images": images} for images in versions]))
    for entry, level in zip(model["images"], levels, strict=True):
        assert entry["url"].startswith(f"https://{HOST}/")
        most = audited[entry["url"]]
        assert most is not None
        assert most >= level
    assert {url for urls in page.forbidden_images.values() for url in urls} <= {
        url for url, most in audited.items() if most is None
    }


def test_the_audit_reads_the_most_explicit_level_of_an_address() -> None:
    url = f"https://{HOST}/a/width=450/1.jpeg"
    allowed: list[tuple[list[Any], int | None]] = [([1], 0), ([4], 2), ([4, 16, 1], 4), ([2.0], 1)]
    for levels, expected in [*allowed, *(([1, level], None) for level in WRONG["nsfwLevel"])]:
        record = civitai(1, modelVersions=[{"images": [{"url": PATH, "type": "image", "nsfwLevel": level} for level in levels]}])
        assert AUDIT.image_levels(record) == {url: expected}
    changes: list[tuple[dict[str, Any], dict[str, int | None]]]
    changes = [({"type": "video"}, {}), ({"type": None}, {}), ({"poi": True}, {url: None}), ({"minor": 1}, {url: None})]
    for fields, audited in changes:
        image = {"url": PATH, "type": "image", "nsfwLevel": 1, **fields}
        assert AUDIT.image_levels(civitai(1, modelVersions=[{"images": [image]}])) == audited
    assert AUDIT.image_levels(civitai(1, modelVersions=[{"images": [{"url": None}, None, 5]}, {"images": "x"}])) == {}


def test_rules_and_audit_agree_on_a_catalogue() -> None:
    records = [with_addresses(record) for record in civitai_catalogue()]
    page = transform_page(get_source("civitai"), json.dumps({"items": records}).encode(), "a page", OPTIONS)
    by_id = {str(record["id"]): record for record in records}
    compared = 0
    for model in page.models:
        audited = AUDIT.image_levels(by_id[model["id"]])
        for entry in model["images"]:
            assert audited[entry["url"]] == LEVELS.index(entry["level"])
            compared += 1
    assert compared > len(page.models) > 100


def test_reading_stops_once_every_level_has_an_image() -> None:
    def images() -> Any:
        yield from (image(1 << bit) for bit in range(5))
        raise AssertionError("read on")

    assert len(choose_images(images(), (HOST,))) == 5

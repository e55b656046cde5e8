"""What a CivitAI model permits, in the shapes that the API has had, and whether it may be used commercially."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.schemas import load_schema
from etl.sources.civitai.rules import RULES
from etl.sources.civitai.terms import permissions
from etl.sources.source import TransformOptions, get_source
from etl.storage.json_files import parse_json_body
from etl.transform.page import transform_page
from etl.transform.projection import project
from tests.conftest import civitai

MISSING = object()


def transform(permitted: Any, bases: list[Any] | None = None, **fields: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the model of a record, and its dropped values; without `bases` it has one base model, under Apache-2.0."""
    record = civitai(1, **{"modelVersions": [{"baseModel": base} for base in bases or ["Flux.1 S"]], **fields})
    record |= {} if permitted is MISSING else {"allowCommercialUse": permitted}
    page = transform_page(get_source("civitai"), json.dumps({"items": [record]}).encode(), "a page")
    assert not load_schema("civitai/model").violations(page.models[0])
    return page.models[0], [(drop.field, drop.reason) for drop in page.dropped]


def use(permitted: Any, *bases: Any) -> tuple[str, str]:
    model, _ = transform(permitted, list(bases))
    return model["commercial"], model["commercial_from"]


SHAPES: list[tuple[Any, list[str] | None, str]] = [
    (["Image", "RentCivit", "Rent", "Sell"], ["Image", "RentCivit", "Rent", "Sell"], "yes"),
    (["Image"], ["Image"], "yes"),
    (["Sell"], ["Sell"], "yes"),
    (["Rent"], ["Rent"], "no"),
    (["RentCivit", "Rent"], ["RentCivit", "Rent"], "no"),
    (["None"], ["None"], "no"),
    ([], [], "no"),
    ("{Image,RentCivit}", ["Image", "RentCivit"], "yes"),
    ('{"Image", Rent}', ["Image", "Rent"], "yes"),
    ("{RentCivit}", ["RentCivit"], "no"),
    ("{}", [], "no"),
    ("Sell", ["Sell"], "yes"),
    ("Image", ["Image"], "yes"),
    ("Rent", ["Rent"], "no"),
    ("None", ["None"], "no"),
    (["{Image,RentCivit}"], ["Image", "RentCivit"], "yes"),
    (["{}"], [], "no"),
    (["Rent,RentCivit", "Rent"], ["Rent", "RentCivit"], "no"),
    (["Image", "Image"], ["Image"], "yes"),
    ("{Rent,Rent}", ["Rent"], "no"),
    (["Image", "{Sell,Image,Sell}"], ["Image", "Sell"], "yes"),
    (None, None, "unknown"),
    (MISSING, None, "unknown"),
]


@pytest.mark.parametrize(("value", "words", "commercial"), SHAPES)
def test_the_shapes_of_the_api(value: Any, words: list[str] | None, commercial: str) -> None:
    model, dropped = transform(value)
    assert (model["permissions"], model["commercial"], dropped) == (words, commercial, [])


UNEXPECTED: list[tuple[Any, list[str] | None, str, str]] = [
    (True, None, "unknown", "wrong type"),
    (3, None, "unknown", "wrong type"),
    ({"Image": True}, None, "unknown", "wrong type"),
    ("", None, "unknown", "wrong type"),
    ("Maybe", [], "unknown", "unknown value"),
    ("image", [], "unknown", "unknown value"),
    ("{Image", [], "unknown", "unknown value"),
    (["Rent", "Lease"], ["Rent"], "unknown", "unknown value"),
    (["Image", "Lease"], ["Image"], "yes", "unknown value"),
    ([""], [], "unknown", "unknown value"),
    ([None], [], "unknown", "unknown value"),
    ([["Image"]], [], "unknown", "unknown value"),
    (["Rent", 5], ["Rent"], "unknown", "unknown value"),
]


@pytest.mark.parametrize(("value", "words", "commercial", "reason"), UNEXPECTED)
def test_an_unexpected_value_is_dropped_and_allows_and_forbids_nothing(
    value: Any, words: list[str] | None, commercial: str, reason: str
) -> None:
    model, dropped = transform(value)
    assert (model["permissions"], model["commercial"]) == (words, commercial)
    assert dropped == [("permissions", reason)]


USES: list[tuple[Any, tuple[Any, ...], str, str]] = [
    (["Image"], ("Flux.1 S",), "yes", "base"),
    (["Image"], ("SD 1.5",), "conditions", "base"),
    (["Image"], ("Flux.1 D",), "no", "base"),
    (["Image"], ("Kling",), "unknown", "base"),
    (["Image"], ("Brand New",), "unknown", "base"),
    ([], ("Flux.1 S",), "no", "permissions"),
    ([], ("Flux.1 D",), "no", "base"),
    ([], ("Kling",), "no", "permissions"),
    (None, ("Flux.1 S",), "unknown", "permissions"),
    (None, ("SD 1.5",), "unknown", "permissions"),
    (None, ("Flux.1 D",), "no", "base"),
    (None, ("Kling",), "unknown", "base"),
    (["Sell"], ("Flux.1 S", "SD 1.5"), "conditions", "base"),
    (["Sell"], ("SD 1.5", "Flux.1 S"), "conditions", "base"),
    (["Sell"], ("Flux.1 S", "Flux.1 D"), "no", "base"),
    (["Sell"], ("Flux.1 S", None), "unknown", "base"),
    (["Sell"], (None,), "unknown", "base"),
    (["Sell"], ("",), "unknown", "base"),
    (["Sell"], (5,), "unknown", "base"),
    (["Sell"], ({"name": "Flux.1 S"},), "unknown", "base"),
]


@pytest.mark.parametrize(("permitted", "bases", "commercial", "decided_by"), USES)
def test_the_stricter_of_base_models_and_permissions_decides(
    permitted: Any, bases: tuple[Any, ...], commercial: str, decided_by: str
) -> None:
    assert use(permitted, *bases) == (commercial, decided_by)


@pytest.mark.parametrize("versions", [None, [], "none", ["x"], {}])
def test_a_model_without_versions_is_of_an_unknown_base_model(versions: Any) -> None:
    model, _ = transform(["Sell"], modelVersions=versions)
    assert (model["commercial"], model["commercial_from"]) == ("unknown", "base")
    model, _ = transform([], modelVersions=versions)
    assert (model["commercial"], model["commercial_from"]) == ("no", "permissions")


ORDER = ("no", "unknown", "conditions", "yes")


def test_more_permissions_never_free_what_a_base_model_forbids() -> None:
    words = ("None", "Image", "RentCivit", "Rent", "Sell")
    for base, best in (("Flux.1 D", "no"), ("Kling", "unknown"), ("SD 1.5", "conditions"), ("Flux.1 S", "yes")):
        subsets = [list(subset) for count in range(6) for subset in itertools.combinations(words, count)]
        assert {use(subset, base)[0] for subset in subsets} == {best, "no"}
        assert ORDER.index(use(None, base)[0]) <= ORDER.index(best)


@pytest.mark.parametrize("field", ["allow_derivatives", "allow_no_credit", "allow_different_license"])
def test_the_other_permissions_are_copied(field: str) -> None:
    first, *rest = field.split("_")
    key = first + "".join(part.capitalize() for part in rest)
    for value in (True, False, None):
        model, dropped = transform(["Sell"], None, **{key: value})
        assert (model[field], dropped) == (value, [])
    model, dropped = transform(["Sell"], None, **{key: "yes"})
    assert (model[field], dropped) == (None, [(field, "wrong type")])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["{Image}", "Sell", "{"]), st.lists))
def test_any_value_is_read_and_words_stay_as_they_are(value: Any) -> None:
    once = permissions(value)
    assert isinstance(once, list) or once == value
    if isinstance(once, list) and all(isinstance(word, str) and word.isalpha() for word in once):
        assert permissions(once) == once


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"baseModels": ["Flux.1 S", "Flux.1 D"]}, ("no", "base")),  # the request was for versions of Flux.1 S
        ({"baseModels": ["Flux.1 S", 7]}, ("unknown", "base")),
        ({"baseModels": "Flux.1 D"}, ("yes", "base")),
        ({"baseModels": []}, ("yes", "base")),
        ({"modelVersions": ["x", {"baseModel": "Flux.1 S"}]}, ("unknown", "base")),
    ],
)
def test_base_models_of_versions_that_are_not_listed_count(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    model, _ = transform(["Sell"], **fields)
    assert (model["commercial"], model["commercial_from"]) == expected


def describe(permitted: Any, *bases: str) -> str:
    record = civitai(1, modelVersions=[{"baseModel": base} for base in bases], allowCommercialUse=permitted)
    body = parse_json_body(json.dumps({"items": [record]}).encode(), "a page")
    (entry,) = project(get_source("civitai"), body, "a page")
    return RULES.describe(record, entry, TransformOptions())[-1]


def test_explain_has_what_decided_with_its_source() -> None:
    assert describe(["Sell"], "SD 1.5") == (
        "commercial conditions: base model SD 1.5 is under CreativeML Open RAIL-M, "
        "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5: "
        "Not for the uses that Attachment A prohibits; the restrictions pass on to derivatives."
    )
    assert describe(["Sell"], "Flux.1 D") == (
        "commercial no: base model Flux.1 D is under FLUX.1 [dev] Non-Commercial License, "
        "https://huggingface.co/black-forest-labs/FLUX.1-dev"
    )
    assert describe(["Rent"], "Flux.1 S") == "commercial no: its author permits neither Image nor Sell"
    assert describe(["Sell"], "Kling") == "commercial unknown: the terms of base model Kling are not known"
    assert describe(["Sell"]) == "commercial unknown: a version has no base model"
    assert describe(None, "Flux.1 S") == "commercial unknown: what its author permits is not known"

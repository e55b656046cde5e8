"""Terms of licences: each row against its licence's text, what is refused in the table, and the verdict over a chain."""

from __future__ import annotations

import itertools
import tomllib
from typing import Any

import pytest

from etl.core.errors import InvalidDataError
from etl.sources.licenses import (
    TABLE,
    Link,
    Terms,
    base_model_terms,
    decide,
    license_links,
    license_terms,
    read_licenses,
)
from tests.sources.license_evidence import BASES, LICENSES, NAMED, REPOSITORIES, UNKNOWN, by_id, by_name

ROWS: dict[str, list[dict[str, Any]]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
MIT = '{ id = "mit", spdx = "MIT", commercial = "yes", source = "https://a.test" }'


REFERENCE = 'license = "mit", source = "https://a.test"'


def rows(name: str) -> dict[str, str]:
    return {row["id"]: row["commercial"] for row in ROWS[name]}


def table(**tables: str) -> str:
    return "\n".join(f"{name} = [{tables.get(name, '')}]" for name in ("license", "named", "base", "repository"))


def test_each_licence_has_the_verdict_of_its_text() -> None:
    assert rows("license") == by_id(LICENSES)
    assert rows("named") == by_id(NAMED)
    assert [len(table.strip().splitlines()) for table in (LICENSES, NAMED)] == [len(rows("license")), len(rows("named"))]


def test_each_documented_id_has_a_row_or_a_reason_to_be_unknown() -> None:
    assert len(ROWS["license"]) + len(UNKNOWN) == 83
    assert {id_: license_terms(id_) for id_ in UNKNOWN} == dict.fromkeys(UNKNOWN)


@pytest.mark.parametrize(("name", "verdict"), by_name(BASES).items())
def test_a_base_model_has_the_verdict_of_its_licence(name: str, verdict: str) -> None:
    terms = base_model_terms(name)
    assert (terms.commercial if terms else "unknown") == verdict


def test_no_base_model_and_no_repository_has_a_row_without_evidence() -> None:
    assert {row["id"] for row in ROWS["base"]} == {name for name, verdict in by_name(BASES).items() if verdict != "unknown"}
    assert {row["id"] for row in ROWS["repository"]} == by_name(REPOSITORIES).keys()
    assert len(ROWS["repository"]) <= 50


@pytest.mark.parametrize(("id_", "verdict"), by_name(REPOSITORIES).items())
def test_a_repository_has_the_verdict_of_its_licence(id_: str, verdict: str) -> None:
    for tag in ("other", "unknown", None):
        terms = license_terms(tag, id_)
        assert terms
        assert terms.commercial == verdict


def test_creative_commons_licences_follow_from_their_elements() -> None:
    ids = [id_ for id_ in rows("license") if id_.startswith("cc-by")]
    assert len(ids) > 10
    for id_ in ids:
        elements = id_.split("-")
        assert rows("license")[id_] == ("no" if "nc" in elements else "conditions" if "nd" in elements else "yes")


def test_every_licence_without_an_id_is_of_a_base_model_or_a_repository() -> None:
    named = {row["license"] for name in ("base", "repository") for row in ROWS[name]}
    assert rows("named").keys() <= named


def test_terms_have_the_spdx_id_or_the_name_the_sentence_and_their_own_source() -> None:
    assert license_terms("apache-2.0") == Terms("Apache-2.0", "yes", None, "https://spdx.org/licenses/Apache-2.0.html")
    terms = base_model_terms("SDXL 1.0")
    assert terms
    assert terms.name == "CreativeML Open RAIL++-M"
    assert terms.condition == "Not for the uses that Attachment A prohibits; the restrictions pass on to derivatives."
    assert terms.source == "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0"


@pytest.mark.parametrize("tag", ["mit", "MIT", "Mit"])
def test_tags_match_in_any_case(tag: str) -> None:
    assert license_terms(tag) == license_terms("mit")


@pytest.mark.parametrize(
    "tag", [None, "", "other", "unknown", "cc", "none", "apache-2", "bsd-3", "???", "flux-1-dev", "stability-community"]
)
def test_anything_unlisted_is_unknown(tag: str | None) -> None:
    assert license_terms(tag) is None
    assert license_terms(tag, "someone/else") is None


def test_repositories_match_in_any_case_and_only_where_the_tag_leaves_it_open() -> None:
    expected = license_terms("other", "black-forest-labs/FLUX.1-dev")
    assert expected
    assert license_terms("other", "Black-Forest-Labs/flux.1-DEV") == expected
    assert license_terms("mit", "black-forest-labs/FLUX.1-dev") == license_terms("mit")
    assert license_terms("apache-2", "black-forest-labs/FLUX.1-dev") is None


@pytest.mark.parametrize("name", ["sd 1.5", "SD 1.5 ", "", "Flux.1 D\n"])
def test_base_models_match_exactly(name: str) -> None:
    assert base_model_terms(name) is None


def link(id_: str, verdict: str) -> Link:
    return Link(id_, None, None if verdict == "unknown" else Terms(id_, verdict, None, "https://a.test"))  # type: ignore[arg-type]


ORDER = ("no", "unknown", "conditions", "yes")


@pytest.mark.parametrize("chain", [*itertools.product(ORDER, repeat=3)])
def test_the_strictest_link_decides_and_the_first_of_several(chain: tuple[str, ...]) -> None:
    links = [link(f"{index}", verdict) for index, verdict in enumerate(chain)]
    verdict = decide(links)
    assert verdict.commercial == next(word for word in ORDER if word in chain)
    assert verdict.link is links[chain.index(verdict.commercial)]


def test_a_chain_without_links_is_unknown() -> None:
    assert decide([]) == ("unknown", None)


def test_all_licences_of_a_repository_apply() -> None:
    assert [entry.license for entry in license_links("o/m", ["mit", "other"])] == ["mit", "other"]
    assert decide(license_links("o/m", ["mit", "other"])).commercial == "unknown"
    assert decide(license_links("o/m", ["mit", "cc-by-nc-4.0"])).commercial == "no"
    assert license_links("o/m", []) == [Link("o/m", None, None)]
    assert decide(license_links("meta-llama/Llama-4-Scout-17B-16E", [])).commercial == "conditions"


BAD_TABLES = [
    ("license = [", "is not TOML"),
    (table(license=MIT).replace("named = []\n", ""), "'named' is a required property"),
    (table(license=MIT.replace(', source = "https://a.test"', "")), "'source' is a required property"),
    (table(license=MIT.replace("source", 'note = "", source')), "('note' was unexpected)"),
    (f"{table(license=MIT)}\nnote = 1", "('note' was unexpected)"),
    (table(license=MIT.replace('"yes"', '"maybe"')), "'maybe' is not one of ['yes', 'conditions', 'no']"),
    (table(license=MIT.replace('"yes"', '"unknown"')), "'unknown' is not one of"),
    (table(license=MIT.replace('"yes"', '"conditions"')), "'condition' is a required property"),
    (table(license=MIT.replace('"yes"', '"yes", condition = "Never."')), "should not be valid under"),
    (table(license=MIT.replace('"yes"', '"conditions", condition = ""')), "''"),
    (table(license=MIT.replace("https", "http")), "'http://a.test' does not match"),
    (table(license=MIT.replace('spdx = "MIT", ', "")), "is not valid under any of the given schemas"),
    (table(license=MIT.replace("spdx =", 'name = "MIT", spdx =')), "is valid under each of"),
    (table(license=MIT.replace('"mit"', '"MIT"')), "should not be valid under"),
    (table(license=f"{MIT}, {MIT}"), "license: mit has two rows; remove one of them"),
    (table(license=MIT, named=MIT), "mit: is in license and in named; remove one of them"),
    (table(base='{ id = "B", license = "mit", source = "https://a.test" }'), "B: mit is not the id of a row"),
    (table(license=MIT, base='{ id = "B", license = "mit", source = "https://a.test", commercial = "yes" }'), "commercial"),
    (
        table(license=MIT, repository=", ".join(f'{{ id = "{id_}", {REFERENCE} }}' for id_ in ("o/m", "O/M"))),
        "repository: O/M has two rows",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD_TABLES)
def test_an_invalid_table_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidDataError) as error:
        read_licenses(text)
    assert str(error.value).startswith("etl/sources/licenses.toml: ")
    assert message in str(error.value)


def test_a_valid_table_is_read() -> None:
    terms = Terms("MIT", "yes", None, "https://a.test")
    read = read_licenses(table(license=MIT, base='{ id = "B", license = "mit", source = "https://b.test" }'))
    assert read == ({"mit": terms}, {"B": terms._replace(source="https://b.test")}, {})

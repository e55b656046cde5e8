"""What licences say of commercial use: the rows of licenses.toml, and the verdict over several licences.

It is evidence about the weights, not about their outputs, and not legal advice. docs/licenses.md describes it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from etl.core.errors import InvalidDataError
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Commercial = Literal["yes", "conditions", "no"]

TABLE = Path(__file__).with_name("licenses.toml")
_WHERE = "etl/sources/licenses.toml"
_UNSTATED = (None, "other", "unknown")  # tags that leave it to the repository to say which licence it has
BY_STRICTNESS = ("no", "unknown", "conditions", "yes")


class Terms(NamedTuple):
    """What is known of a licence.

    Attributes:
        name: Its SPDX id, or its name if it has none.
        commercial: Whether the weights may be used commercially.
        condition: A sentence which conditions; None unless there are conditions.
        source: The address of its text, or of a page that states it.
    """

    name: str
    commercial: Commercial
    condition: str | None
    source: str


class Link(NamedTuple):
    """One licence that a model is under: its own, or that of a model that it was made of.

    Attributes:
        id: Whose licence it is: the id of a model, or another word, such as `base`.
        license: The licence as stated there; None if none is.
        terms: None if they are unknown.
    """

    id: str
    license: str | None
    terms: Terms | None


class Verdict(NamedTuple):
    """Whether a model may be used commercially: `yes`, `conditions`, `no` or `unknown`; and the link that decided, if any."""

    commercial: str
    link: Link | None


class Licenses(NamedTuple):
    """The table: terms by the ids of licences, of base models, and of repositories in lower case."""

    licenses: dict[str, Terms]
    bases: dict[str, Terms]
    repositories: dict[str, Terms]


def license_terms(license_: str | None, repository: str | None = None) -> Terms | None:
    """Return the terms of a licence tag in any case; None if unknown.

    Where the tag is absent, `other` or `unknown`, those of the repository, if it has a row.
    """
    table = _licenses()
    tag = license_ and license_.lower()
    if tag in _UNSTATED:
        return table.repositories.get(repository.lower()) if repository else None
    return table.licenses.get(tag) if tag else None


def base_model_terms(name: str) -> Terms | None:
    """Return the terms of a base model by its exact name; None if unknown."""
    return _licenses().bases.get(name)


def license_links(id_: str, licenses: Sequence[str]) -> list[Link]:
    """Return a link for each licence that a repository states, since all of them apply; for none, one without a licence."""
    return [Link(id_, license_, license_terms(license_, id_)) for license_ in licenses or (None,)]


def decide(chain: Iterable[Link]) -> Verdict:
    """Return the verdict over all links: `no` if one forbids, else `unknown` if one is, else `conditions`, else `yes`.

    The first link with that verdict decided. Without links it is unknown.
    """
    first: dict[str, Link] = {}
    for link in chain:
        first.setdefault(link.terms.commercial if link.terms else "unknown", link)
    return next((Verdict(verdict, first[verdict]) for verdict in BY_STRICTNESS if verdict in first), Verdict("unknown", None))


@cache
def _licenses() -> Licenses:
    return read_licenses(TABLE.read_text(encoding="utf-8"))


def read_licenses(text: str) -> Licenses:
    """Return the table of a TOML text.

    Raises:
        InvalidDataError: it is not a valid table.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidDataError(f"{_WHERE}: is not TOML: {error}") from error
    for violation in load_schema("licenses").violations(tables):
        raise InvalidDataError(f"{_WHERE}: {violation}; see docs/licenses.md")
    licenses = _unique("license", tables, _terms)
    named = _unique("named", tables, _terms)
    if both := licenses.keys() & named.keys():
        raise InvalidDataError(f"{_WHERE}: {min(both)}: is in license and in named; remove one of them")

    def refer(row: dict[str, Any]) -> Terms:
        terms = licenses.get(row["license"]) or named.get(row["license"])
        if terms is None:
            raise InvalidDataError(f"{_WHERE}: {row['id']}: {row['license']} is not the id of a row of license or named")
        return terms._replace(source=row["source"])

    repositories = _unique("repository", tables, refer, str.lower)
    return Licenses(licenses, _unique("base", tables, refer), repositories)


def _terms(row: dict[str, Any]) -> Terms:
    return Terms(row.get("spdx") or row["name"], row["commercial"], row.get("condition"), row["source"])


def _unique(
    name: str, tables: dict[str, Any], read: Callable[[dict[str, Any]], Terms], key: Callable[[str], str] = str
) -> dict[str, Terms]:
    """Return the terms of the rows of a table by their ids, each of which has one row."""
    rows: dict[str, Terms] = {}
    for row in tables[name]:
        id_ = key(row["id"])
        if id_ in rows:
            raise InvalidDataError(f"{_WHERE}: {name}: {row['id']} has two rows; remove one of them")
        rows[id_] = read(row)
    return rows

"""The Source interface: everything the pipeline knows about one API, as values and pure functions.

A source is a package `etl.sources.NAME` whose `SOURCE` is a Source; see docs/adding-a-source.md. No I/O.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import UsageError
from etl.core.layout import source_names
from etl.core.urls import encode_query

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    Record = Mapping[str, Any]
    Params = Mapping[str, Sequence[str]]
    Facts = Mapping[str, Any]
    Resolve = Callable[[dict[str, Any], Any, Facts, Container[str], "TransformOptions"], Sequence[str]]


class SizeClass(NamedTuple):
    """Models up to `upper_bound` parameters; `is_inclusive`: those with exactly as many, too."""

    name: str
    upper_bound: float
    is_inclusive: bool = False


DEFAULT_SIZE_CLASSES = (SizeClass("small", 7e9), SizeClass("medium", 13e9, is_inclusive=True), SizeClass("large", math.inf))


@dataclass(frozen=True)
class TransformOptions:
    """What filters.toml says about the transform.

    Attributes:
        size_classes: From the smallest to the largest.
        image_hosts: Hosts whose images models may name, sorted, so that equal options have equal fingerprints.
    """

    size_classes: tuple[SizeClass, ...] = DEFAULT_SIZE_CLASSES
    image_hosts: tuple[str, ...] = ()


class DroppedField(NamedTuple):
    """A value that a model lost: its field, and why, in words of a closed list."""

    field: str
    reason: str


@dataclass(frozen=True)
class Rules:
    """What the transform decides after jq: values and pure functions.

    An entry is what transform.jq makes of a record: `{model, evidence}`, with all fields of a model. Facts are what models of
    different pages must know of each other: JSON values, each by a key. Of several pages that state a fact of one key, the one
    whose JSON is least counts, so that the order of pages does not matter.

    Attributes:
        complete: (entries of a page, options): completes each model from the evidence; returns of each the fields whose evidence
            was invalid.
        forbid_images: (entry, options): the URLs of images that no card of the model may show, whichever record has them too;
            scaled as in models, and only those that a model could have.
        defer: (model, evidence as `complete` left it): what `resolve` needs of it, a JSON value, if facts may change the model;
            None for all others.
        collect: (models, evidence of each as `complete` left it, rejected raw records): the facts that a page states, by key;
            None if absent.
        needs: (deferred model): the keys of the facts that may change it; not that of its own.
        follow: (fact): the keys of further facts that are needed wherever this one is; models of its own page need them, too.
            None if no fact names others.
        resolve: (model, what `defer` returned, facts by key, named, options): changes the model by the facts, and returns words
            that summary.json counts as `lineage`, by distinct ids. The facts are those on disk that the models of its page need;
            `named` are the keys of the facts of its page that any model needs.
        kind: (fact): what summary.json counts of it, a JSON value; None: nothing.
        summarize: (kinds, each with how many facts have it): the counts that summary.json has as `families`.
        warnings: (families of a summary): lines for the operator.
        describe: (raw record, entry, options): lines that say what decides, for explain.
        chain: (model, lookup of a model by its id): a line for each link of the chain of models that it was made of, for explain.
    """

    complete: Callable[[Sequence[dict[str, Any]], TransformOptions], list[list[DroppedField]]]
    describe: Callable[[Record, dict[str, Any], TransformOptions], list[str]]
    forbid_images: Callable[[dict[str, Any], TransformOptions], list[str]] = lambda _entry, _options: []
    defer: Callable[[Record, Any], Any] = lambda _model, _evidence: None
    collect: Callable[[Sequence[Record], Sequence[Any], Sequence[Any]], dict[str, Any] | None] = lambda *_: None
    needs: Callable[[Record], Iterable[str]] = lambda _model: ()
    follow: Callable[[Any], Iterable[str]] | None = None
    resolve: Resolve = lambda *_: ()
    kind: Callable[[Any], Any] = lambda _fact: None
    summarize: Callable[[Iterable[tuple[Any, int]]], dict[str, dict[str, int]]] = lambda _kinds: {}
    warnings: Callable[[Mapping[str, Mapping[str, int]]], list[str]] = lambda _families: []
    chain: Callable[[Record, Callable[[str], Record | None]], list[str]] = lambda _model, _lookup: []


class RecordAudit(NamedTuple):
    """What a raw record says of its safety, read a second time for verify.

    Attributes:
        rejections: The codes of all reasons why it must never be published.
        flagged: Whether it is flagged as mature.
        level: The index in LEVELS of its mildest content; 0 for a source without levels.
        level_most: The index of its most explicit content.
    """

    rejections: tuple[str, ...]
    flagged: bool = False
    level: int = 0
    level_most: int = 0


class StatedUse(NamedTuple):
    """What a raw record says of commercial use, read a second time for verify.

    Attributes:
        commercial: `no`, `unknown`, `conditions` or `yes`, by what the record itself states.
        reason: What decides that, such as its licence.
        owner: Who may state other terms for models that are made of this one; empty if the record states no terms.
        bases: The ids of the models that it was made of.
    """

    commercial: str
    reason: str
    owner: str = ""
    bases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """A second reading of raw records and requests, which shares no code with the Rules and changes no record.

    Verify compares it with the models; extract counts the records of streams by it that it does not transform.

    Attributes:
        read: (record): what it says of its safety.
        sort_key: (params): the name of the value that the request sorts by, greatest first; empty if the response does not tell.
        sort_value: (record, sort key): that value as it came.
        time_keys: The sort keys that are times, in ISO 8601; all others are counts.
        field_values: By the name of a field of models that is a number or a time, (record): its value, a time in seconds since
            1970; None if it has none. Of other fields verify does not check the order of manifests.
        is_unrequested: (record, params): whether the request should have excluded the record.
        leaks: (audit of a record, params): what the API's own filters should have excluded.
        has_partial_records: (params): whether the records show a part of each model only.
        image_levels: (record): by the URL of each image, scaled as in models, the index in LEVELS of its most explicit
            content; None if no card may show it.
        use: (record): what it says of commercial use, for models with a field `commercial`; None for other sources.
        missing_use: (id): what is known of the use of a model without a record.
        url: (id, fields): where people see the model, by its level and flag as all records decide them; None for a source whose
            address depends on neither.
    """

    read: Callable[[Record], RecordAudit]
    sort_key: Callable[[Params], str]
    sort_value: Callable[[Record, str], object]
    time_keys: frozenset[str] = frozenset()
    field_values: Mapping[str, Callable[[Record], float | None]] = field(default_factory=dict)
    is_unrequested: Callable[[Record, Params], bool] = lambda _record, _params: False
    leaks: Callable[[RecordAudit, Params], Sequence[str]] = lambda _audit, _params: ()
    has_partial_records: Callable[[Params], bool] = lambda _params: False
    image_levels: Callable[[Record], Mapping[str, int | None]] = lambda _record: {}
    use: Callable[[Record], StatedUse] | None = None
    missing_use: Callable[[str], StatedUse] = lambda _id: StatedUse("unknown", "")
    url: Callable[[str, Record], str] | None = None


@dataclass(frozen=True)
class Source:
    """One API.

    Attributes:
        name: The name of its package, its folders on disk and its table in filters.toml.
        endpoint: Its base URL unless the environment sets another; without a final slash.
        path: The path of the list below the endpoint.
        endpoint_variable: The environment variable for `endpoint`.
        token_variables: The environment variables for a token; the first that is set counts.
        records_key: The key of the records in a response; None if the response is the list of records.
        page_param: The request parameter for the number of records per page; None if absent.
        next_page: (request, next URL of the Link header or None, response): the URL or path and query of the next page, or None.
        neutral_params: Request parameters that neither select nor order records.
        read_fields: The fields of a record that transform.jq gets, beside those that it copies; empty for the whole record.
        card_fields: Fields of its models that a card shows beside those that all sources have.
        sort_param: The request parameter that orders records; None if absent.
        narrowing_params: Request parameters of which several values narrow the result, so that several axes may set them.
        never_published: Rejection reasons that forbid a model wherever one of its records has them.
        has_partial_records: (names of request parameters): whether records show a part of each model only.
        dependent_fields: (model): its fields that follow from level, level_most and flagged, which other records may raise.
    """

    name: str
    endpoint: str
    path: str
    endpoint_variable: str
    token_variables: tuple[str, ...]
    records_key: str | None
    page_param: str | None
    next_page: Callable[[str, str | None, Any], str | None]
    neutral_params: frozenset[str]
    never_published: frozenset[str]
    read_fields: tuple[str, ...] = ()
    card_fields: tuple[str, ...] = ()
    sort_param: str | None = None
    narrowing_params: frozenset[str] = frozenset()
    has_partial_records: Callable[[Container[str]], bool] = lambda _names: False
    dependent_fields: Callable[[Record], Record] = lambda _model: {}

    def first_request(self, params: Mapping[str, Any]) -> str:
        """Return path and query of the first page of a stream."""
        query = encode_query(params)
        return f"{self.path}?{query}" if query else self.path

    def records(self, value: Any) -> list[Any]:
        """Return the records of a response.

        Raises:
            TypeError, KeyError: it has none.
        """
        records = value if self.records_key is None else value[self.records_key]
        if not isinstance(records, list):
            raise TypeError("expected a list of records")
        return records

    def load_rules(self) -> Rules:
        """Return the `RULES` of the package's `rules` module, imported only where they are used."""
        rules: Rules = importlib.import_module(f"etl.sources.{self.name}.rules").RULES
        return rules

    def load_audit(self) -> Audit:
        """Return the `AUDIT` of the package's `audit` module, imported only where it is used."""
        audit: Audit = importlib.import_module(f"etl.sources.{self.name}.audit").AUDIT
        return audit

    @property
    def records_path(self) -> str:
        """The records of a response as jq has it, such as `.items`."""
        return f".{self.records_key or ''}"


@cache
def get_source(name: str) -> Source:
    """Return a source by its name; from a cache, since each card needs one.

    Raises:
        UsageError: there is no such source.
    """
    if name not in source_names():
        raise UsageError(f"{name}: unknown source; choose from {', '.join(source_names())}")
    source: Source = importlib.import_module(f"etl.sources.{name}").SOURCE
    return source

"""filters.toml: sources with their axes and options; the filters published of them and the streams they draw on."""

from __future__ import annotations

import difflib
import itertools
import math
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.contracts import contract
from etl.errors import BadUsage
from etl.files import sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Option:
    """One value of an axis: what it adds to the request, and which values of the model's field it keeps."""

    axis: str
    name: str
    label: str
    asks: Mapping[str, Any]
    values: frozenset[str | int]
    drops: bool  # whether `values` are those not kept
    is_default: bool

    def keeps(self, model: Mapping[str, Any]) -> bool:
        """Tell whether the model's field has one of the kept values, or none of the dropped ones."""
        if not self.values:
            return True
        field = model[self.axis]
        found = not self.values.isdisjoint(field) if isinstance(field, list) else field in self.values
        return found is not self.drops

    def is_disjoint(self, other: Option) -> bool:
        """Tell whether no value can be kept by both."""
        if not self.values or not other.values or (self.drops and other.drops):
            return False
        if self.drops or other.drops:
            kept, dropped = (other, self) if self.drops else (self, other)
            return kept.values <= dropped.values
        return self.values.isdisjoint(other.values)


@dataclass(frozen=True)
class Axis:
    """Something a page can be filtered by; its first option is the default."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class Filter:
    """One option per axis."""

    source: str
    prefix: str
    options: tuple[Option, ...]

    @property
    def path(self) -> str:
        """The options that are not defaults, in the order of the axes: `likes/small`."""
        return "/".join(option.name for option in self.options if not option.is_default)

    @property
    def name(self) -> str:
        """What people call it: `hf/likes/small`."""
        return f"{self.prefix}/{self.path}"

    @property
    def title(self) -> str:
        """What a manifest calls its filter: `filter/likes/small`."""
        return f"filter/{self.path}"

    @property
    def file(self) -> str:
        return f"{self.prefix}-filter-{self.path.replace('/', '-')}.json"

    @property
    def label(self) -> str:
        return " · ".join(option.label for option in self.options if not option.is_default)

    @cached_property
    def stream(self) -> str:
        """The name of the stream it draws on: its asked options that are not defaults."""
        return "-".join(option.name for option in self.options if option.asks and not option.is_default) or "default"

    def keeps(self, model: Mapping[str, Any]) -> bool:
        """Tell whether a model belongs on the page: the one rule of what a filter keeps."""
        return all(option.keeps(model) for option in self.options)

    def is_disjoint(self, other: Filter) -> bool:
        """Tell whether no model can belong on the pages of both."""
        return any(one.is_disjoint(another) for one, another in zip(self.options, other.options, strict=True))


@dataclass(frozen=True)
class Rate:
    """At most `requests` in any `seconds`, at most `in_flight` at once."""

    requests: int
    seconds: float
    in_flight: int


class SizeClass(NamedTuple):
    """Models up to so many parameters, those with exactly `most` included or not."""

    name: str
    most: float
    is_through: bool = False


SIZES = (SizeClass("small", 7e9), SizeClass("medium", 13e9, is_through=True), SizeClass("large", math.inf))


@dataclass(frozen=True, eq=False)
class Stream:
    """One request with its following pages: the parameters it asks with, and the filters that draw on it."""

    name: str
    asks: Mapping[str, Any]
    filters: tuple[Filter, ...]

    def keeps(self, model: Mapping[str, Any]) -> bool:
        """Tell whether a model is what was asked for, as far as its fields tell."""
        return all(option.keeps(model) for option in self.filters[0].options if option.asks)


@dataclass(frozen=True, eq=False)
class Source:
    """One API: how it is asked, its axes, what is never published of it, and its filters in the order of filters.toml."""

    name: str
    prefix: str
    page: int  # records asked per request
    largest_bytes: int  # of an answer
    rate: Rate
    asks: Mapping[str, Any]  # what every request asks
    axes: tuple[Axis, ...]
    skip: frozenset[str]
    filters: tuple[Filter, ...]
    sizes: tuple[SizeClass, ...] = SIZES  # from the smallest to the largest

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the filters draw on, in the order of the first filter of each."""
        shared: dict[str, list[Filter]] = {}
        for each in self.filters:
            shared.setdefault(each.stream, []).append(each)
        return tuple(Stream(name, self.asks_of(drawing[0]), tuple(drawing)) for name, drawing in shared.items())

    @cached_property
    def every(self) -> tuple[Filter, ...]:
        """The filters of all combinations but the default one; those that are published are the same objects."""
        published = {each.path: each for each in self.filters}
        choices = list(itertools.product(*(axis.options for axis in self.axes)))[1:]
        made = (Filter(self.name, self.prefix, choice) for choice in choices)
        return tuple(published.get(each.path, each) for each in made)

    def asks_of(self, one: Filter) -> dict[str, Any]:
        """Return the parameters that the stream of a filter is asked with."""
        asks = dict(self.asks)
        for option in one.options:
            asks |= option.asks
        return asks | {"limit": self.page}


@dataclass(frozen=True)
class Filters:
    """All of filters.toml that is decided before anything is asked."""

    limit: int
    depth: int
    sources: tuple[Source, ...]

    def source(self, name: str) -> Source:
        """Return the source of that name, which there must be."""
        return next(source for source in self.sources if source.name == name)


def load_filters(path: Path) -> Filters:
    """Read and check filters.toml.

    Raises:
        BadUsage: it is missing, is not TOML (with the line), or breaks a rule (with the key).
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadUsage(f"{path}: is not TOML: {error}") from error
    if violations := contract("filters").violations(table):
        lines = [f"{path}: {'.'.join(map(str, each.path)) or 'the file'}: {each.message}" for each in violations]
        raise BadUsage("\n".join(lines))
    names = [name for name in table if name not in ("limit", "depth")]
    try:
        made = tuple(_source(name, table[name]) for name in names)
    except BadUsage as error:
        raise BadUsage(f"{path}: {error}") from None
    for one, other in itertools.combinations(made, 2):
        if one.prefix == other.prefix:
            raise BadUsage(f"{path}: {other.name}.prefix: {other.prefix} is the prefix of {one.name} too")
    return Filters(table["limit"], table["depth"], made)


def _source(name: str, table: dict[str, Any]) -> Source:
    if name not in sources():
        raise BadUsage(f"{name}: no source of that name; there are {', '.join(sources())}")
    axes = tuple(_axis(name, axis, options) for axis, options in table["axes"].items())
    seen: dict[str, str] = {}
    for option in (option for axis in axes for option in axis.options if not option.is_default):
        if option.name in seen:
            where = f"{name}.axes.{option.axis}.{option.name}"
            raise BadUsage(f"{where}: the name is an option of axis {seen[option.name]} too; paths could not tell them apart")
        seen[option.name] = option.axis
    if table["manifests"] == "all":
        choices = list(itertools.product(*(axis.options for axis in axes)))[1:]
    else:
        choices = [_choice(f"{name}.manifests: {path}", axes, path) for path in table["manifests"]]
    filters = tuple(Filter(name, table["prefix"], choice) for choice in choices)
    skip = frozenset(table.get("skip", ()))
    largest_bytes = table.get("largest_mb", 64) * 10**6
    rate = Rate(**table["rate"])
    sizes = _sizes(name, table["sizes"]) if "sizes" in table else SIZES
    asks = table.get("asks", {})
    source = Source(name, table["prefix"], table["page"], largest_bytes, rate, asks, axes, skip, filters, sizes)
    _check_sizes(source)
    _check_requests(source)
    return source


def _sizes(source: str, table: dict[str, dict[str, float]]) -> tuple[SizeClass, ...]:
    sizes = tuple(SizeClass(name, 1e9 * next(iter(most.values()), math.inf), "through" in most) for name, most in table.items())
    bounds = [(each.most, each.is_through) for each in sizes]
    if sorted(set(bounds)) != bounds or bounds[-1][0] != math.inf:
        raise BadUsage(f"{source}.sizes: each class has a greater bound than the one before, and only the last has none")
    return sizes


def _check_sizes(source: Source) -> None:
    """Refuse options that keep a size class which there is not."""
    known = {"unknown", *(each.name for each in source.sizes)}
    for option in (option for axis in source.axes for option in axis.options if option.axis == "size"):
        if strange := sorted(set(map(str, option.values)) - known):
            where = f"{source.name}.axes.size.{option.name}"
            raise BadUsage(f"{where}: no size class {strange[0]}; there are {', '.join(each.name for each in source.sizes)}")


def _check_requests(source: Source) -> None:
    """Refuse parameters that the API does not honour, which it would ignore in silence or refuse."""
    asked = {f"{source.name}.page": {"limit": source.page}, f"{source.name}.asks": source.asks}
    for option in (option for axis in source.axes for option in axis.options):
        asked[f"{source.name}.axes.{option.axis}.{option.name}.asks"] = option.asks
    for where, asks in asked.items():
        for violation in contract(f"{source.name}.request").violations(asks):
            raise BadUsage(f"{where}: {violation}; see what the API honours in schemas/{source.name}.request.schema.json")
    keys = [set(source.asks), *({key for option in axis.options for key in option.asks} for axis in source.axes), {"limit"}]
    for one, other in itertools.combinations(keys, 2):
        for key in one & other:
            raise BadUsage(f"{source.name}: {key} is asked in two places (asks, axes, page); one would undo the other")


def _axis(source: str, axis: str, options: dict[str, Any]) -> Axis:
    fields = contract("model", source).schema["$defs"][source]["properties"]
    for name, option in options.items():
        if axis not in fields and ("keeps" in option or "drops" in option):
            raise BadUsage(
                f"{source}.axes.{axis}.{name}: keeps and drops look at the model's field {axis}, which it has not; "
                f"it has {', '.join(fields)}"
            )
    return Axis(
        axis,
        tuple(
            Option(
                axis, name, option["label"], option.get("asks", {}),
                frozenset(option.get("keeps", option.get("drops", ()))), "drops" in option, is_default=place == 0,
            )
            for place, (name, option) in enumerate(options.items())
        ),
    )  # fmt: skip


def _choice(where: str, axes: tuple[Axis, ...], path: str) -> tuple[Option, ...]:
    """Return one option per axis for a path, which names those that are not defaults in the order of the axes.

    Raises:
        BadUsage: it does not; `where` is only named in the message.
    """
    named = {option.name: option for axis in axes for option in axis.options if not option.is_default}
    words = path.split("/")
    for word in words:
        if word not in named:
            raise BadUsage(f"{where}: no axis has an option {word} to name; there are {', '.join(named)}")
    chosen = {named[word].axis: named[word] for word in words}
    choice = tuple(chosen.get(axis.name, axis.options[0]) for axis in axes)
    right = "/".join(option.name for option in choice if not option.is_default)
    if right != path:
        reason = f"in the order of the axes it is {right}" if len(chosen) == len(words) else "two of its options are of one axis"
        raise BadUsage(f"{where}: {reason}")
    return choice


def find_filter(filters: Filters, told: str) -> Filter:
    """Return a filter, published or not, by its name (`hf/likes/small`) or that of its manifest, with or without its folder.

    Raises:
        BadUsage: there is none; the reason and the nearest are named.
    """
    every = [each for source in filters.sources for each in source.every]
    if found := next((each for each in every if told == each.name or told.rpartition("/")[2] == each.file), None):
        return found
    prefix, _, path = told.partition("/")
    source = next((source for source in filters.sources if source.prefix == prefix), None)
    prefixes = " or ".join(f"{source.prefix}/…" for source in filters.sources)
    reason = f"no filter is called {told!r}; it is {prefixes}, or the name of a manifest"
    if source and path:
        try:
            _choice(told, source.axes, path)
        except BadUsage as error:
            reason = str(error)
    near = difflib.get_close_matches(told, [name for each in every for name in (each.name, each.file)], 3, 0.5)
    raise BadUsage(f"{reason}{nearest(near)}")


def nearest(names: list[str]) -> str:
    """Return the end of a message that names what may have been meant."""
    return f"; nearest: {', '.join(names)}" if names else ""


def kept_values(source: str, option: Option) -> frozenset[str | int] | None:
    """Return what an option keeps of a field whose values are a closed list; None when it keeps them all."""
    known = contract("model", source).schema["$defs"][source]["properties"].get(option.axis, {}).get("enum")
    if not option.values:
        return None
    if known is None:
        return option.values
    kept = frozenset(value for value in known if (value in option.values) is not option.drops)
    return None if kept == frozenset(known) else kept

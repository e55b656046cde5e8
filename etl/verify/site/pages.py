"""Pages against the index: what the index says of each, where its links lead, and how many models each option has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.verify.published import Check
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.verify.site.files import Site


class Page(NamedTuple):
    """A valid page, its file, and its entry in the index with the number of that."""

    file: str
    value: Mapping[str, Any]
    entry: Mapping[str, Any]
    number: int

    @property
    def filter(self) -> tuple[str, str]:
        """The source and the path of the filter, as the index has them."""
        return self.entry["source"], self.entry["filter"]


class Axes:
    """The axes (facets) of a source in the index, by which paths of filters are read and written."""

    def __init__(self, axes: Sequence[Mapping[str, Any]]) -> None:
        self._defaults = {axis["axis"]: axis["options"][0]["option"] for axis in axes if axis["options"]}
        self._axis_of = {option["option"]: axis["axis"] for axis in axes for option in axis["options"][1:]}

    def parse(self, path: str) -> dict[str, str] | None:
        """Return the option of each axis; None if the path is not one of these axes."""
        names = [] if path == "default" else path.split("/")
        if not self._axis_of.keys() >= set(names):
            return None
        options = self._defaults | {self._axis_of[name]: name for name in names}
        return options if self.path(options) == path else None

    def path(self, options: Mapping[str, str]) -> str:
        """Return the path of an option of each axis."""
        return "/".join(options[axis] for axis, default in self._defaults.items() if options[axis] != default) or "default"


def valid_pages(site: Site) -> list[Page]:
    """Return the pages in the index that are valid, in order."""
    index = site.value("index") or {"manifests": []}
    entries = enumerate(index["manifests"])
    return [
        Page(entry["file"], site.values[entry["file"]], entry, number)
        for number, entry in entries if entry["file"] in site.values
    ]  # fmt: skip


def listed_models(pages: Iterable[Page]) -> dict[str, set[str]]:
    """Return the keys of the models on pages, by source."""
    listed: dict[str, set[str]] = {}
    for page in pages:
        listed.setdefault(page.value["source"], set()).update(model_key(card["id"]) for card in page.value["models"])
    return listed


def check_pages(site: Site, pages: Sequence[Page]) -> Check:
    """The index says of each page what it is; each source and filter has one, and none is newer than the entry."""
    check = Check("pages against the index", len(pages), fix=site.fix)
    index = site.file("index")
    seen: set[tuple[str, str]] = set()
    for page in pages:
        path, count = f"$.manifests[{page.number}]", len(page.value["models"])
        expected = {key: page.value[key] for key in ("source", "filter", "label", "updated")} | {"count": count}
        for key, value in expected.items():
            if page.entry[key] != value:
                site.problem(check, index, f"{path}.{key}", f"says {page.entry[key]}, but {page.file} has {value}")
        status, wrong = page.entry["status"], ("empty",) if count else ("full", "short")
        if status in wrong:
            site.problem(check, index, f"{path}.status", f"says {status}, but {page.file} has {count} models")
        if page.filter in seen:
            site.problem(check, index, path, f"{': '.join(page.filter)} is listed twice")
        seen.add(page.filter)
        _check_models(site, check, page)
    newest = max((page.entry["updated"] for page in pages), default="")
    if site.entry and site.entry["generated"] < newest:
        site.problem(check, "entry.json", "$.generated", f"says {site.entry['generated']}, but the newest page is of {newest}")
    return check


def _check_models(site: Site, check: Check, page: Page) -> None:
    seen = set()
    for number, card in enumerate(page.value["models"]):
        if card["source"] != page.value["source"]:
            site.problem(check, page.file, f"$.models[{number}].source", f"{card['source']} is another source than the page's")
        if card["id"] in seen:
            site.problem(check, page.file, f"$.models[{number}].id", f"{card['id']} is there twice")
        seen.add(card["id"])


def check_links(site: Site, pages: Sequence[Page]) -> Check:
    """Every link leads to the page with that option in place of the page's own; null only without such a page."""
    check = Check("links", fix=site.fix)
    index = site.value("index") or {"sources": []}
    axes = {source["source"]: source["axes"] for source in index["sources"]}
    published = {page.filter for page in pages}
    for page in pages:
        source = page.value["source"]
        for path, text in _link_problems(axes.get(source, ()), source, page, published):
            site.problem(check, page.file, path, text)
        check.looked_at += sum(len(links) for links in page.value["links"].values())
    return check


def _link_problems(
    axes: Sequence[Mapping[str, Any]], source: str, page: Page, published: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield the JSON path of each wrong link of a page, and what is wrong."""
    reader, links = Axes(axes), page.value["links"]
    own = reader.parse(page.value["filter"])
    if own is None:
        yield "$.filter", f"{page.value['filter']} has options that {source} does not have in the index"
        return
    if links.keys() != own.keys():
        yield "$.links", f"has the axes {', '.join(sorted(links))} (expected {', '.join(sorted(own))})"
        return
    for axis in axes:
        name, options = axis["axis"], [option["option"] for option in axis["options"]]
        for option in (option for option in options if option not in links[axis["axis"]]):
            yield f"$.links.{name}", f"has no option {option}"
        for option, target in links[name].items():
            expected = reader.path({**own, name: option}) if option in options else None
            path = f"$.links.{name}.{option}"
            if target is not None and (source, target) not in published:
                yield path, f"leads to {target}, which has no page"
            elif option == own[name] and target != page.value["filter"]:
                yield path, f"is {target}, but the page's own option must lead to {page.value['filter']}"
            elif target is None and (source, expected) in published:
                yield path, f"is null, but {expected} has a page"
            elif target is not None and target != expected:
                yield path, f"leads to {target} (expected {expected})"


def check_options(site: Site, pages: Sequence[Page]) -> Check:
    """Each option in the index counts the different models of the pages that have it."""
    check = Check("options in the index", fix=site.fix)
    models: dict[tuple[str, str, str], set[str]] = {}
    index = site.value("index") or {"sources": []}
    for source in index["sources"]:
        axes = Axes(source["axes"])
        for page in pages:
            if page.filter[0] == source["source"]:
                for axis, option in (axes.parse(page.filter[1]) or {}).items():
                    ids = models.setdefault((source["source"], axis, option), set())
                    ids.update(card["id"] for card in page.value["models"])
    for path, entry, key in _options(index):
        check.looked_at += 1
        count, is_default = len(models.get(key, ())), path.endswith(".options[0]")
        if entry["models"] != count:
            site.problem(check, site.file("index"), f"{path}.models", f"says {entry['models']}, but the pages have {count}")
        if key not in models and not is_default:
            site.problem(check, site.file("index"), path, f"{entry['option']} has no page")
    return check


def _options(index: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], tuple[str, str, str]]]:
    """Yield each option with its JSON path and its source, axis and name."""
    for row, source in enumerate(index["sources"]):
        for column, axis in enumerate(source["axes"]):
            for number, option in enumerate(axis["options"]):
                key = (source["source"], axis["axis"], option["option"])
                yield f"$.sources[{row}].axes[{column}].options[{number}]", option, key

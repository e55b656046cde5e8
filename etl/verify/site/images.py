"""Images of cards: none more explicit than its page, by the page's options and by a second reading of the raw records."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.config.lookup import parse_filter_path
from etl.core.errors import EtlError, UsageError
from etl.core.levels import LEVELS
from etl.sources.source import get_source
from etl.storage.json_files import parse_json_body, read_bytes
from etl.verify.published import Check
from etl.verify.raw_records import model_key
from etl.verify.site.pages import listed_models

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.verify.raw_records import RawStream
    from etl.verify.site.files import Site
    from etl.verify.site.pages import Page

    Streams = Mapping[tuple[str, str], RawStream]
    # By source and model_key, and by URL: levels, as indices of LEVELS; None if a record of the model forbids the image.
    Images = dict[tuple[str, str], dict[str, int | None]]


def most_explicit(config: Config, source: str, path: str) -> str | None:
    """Return the most explicit level that a page may show, by its options that test levels; None if it has none.

    Raises:
        UsageError: filters.toml does not have the source or an option.
    """
    axes = next((entry.axes for entry in config.sources if entry.name == source), None)
    if axes is None:
        raise UsageError(f"{source}: not a source of filters.toml")
    allowed = {*LEVELS}
    for option in parse_filter_path(path, axes, path):
        if option.field in ("level", "level_most"):
            allowed &= {level for level in LEVELS if not option.includes or level in option.includes} - option.excludes
    return None if allowed == {*LEVELS} else max(allowed, key=LEVELS.index, default=LEVELS[0])


def check_images(site: Site, pages: Sequence[Page], config: Config, images: Images | None) -> Check:
    """No card shows an image that is more explicit than its page, or that not all raw records of its model allow at that level.

    `images` are those of the raw records; None if there are no raw records.
    """
    check = Check("images", fix=site.fix)
    shown = [*_images(site, pages)]
    check.looked_at = len(shown)
    if images is None:
        check.notes.append("their levels are as the site states them: there are no raw records to compare with")
    else:
        for file, path, card in shown:
            levels = images.get((card["source"], model_key(card["id"])), {})
            if problem := _raw_problem(card["image"], levels):
                site.problem(check, file, path, f"{card['id']}: {problem}")
    for page in pages:
        try:
            most = most_explicit(config, page.value["source"], page.value["filter"])
        except UsageError as error:
            site.problem(check, page.file, "$.filter", f"its level is not known: {error}")
            continue
        for number, card in enumerate(page.value["models"] if most else ()):
            image = card.get("image")
            if most and image and LEVELS.index(image["level"]) > LEVELS.index(most):
                text = f"{card['id']}: is {image['level']}, but the page shows at most {most}"
                site.problem(check, page.file, f"$.models[{number}].image.level", text)
    return check


def _images(site: Site, pages: Sequence[Page]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the file, the JSON path and the card of each image on pages and in shards."""
    models = site.value("models") or {"shards": {}}
    files = [page.file for page in pages] + [reference["file"] for reference in models["shards"].values()]
    for file in dict.fromkeys(file for file in files if file in site.values):
        for number, card in enumerate(site.values[file]["models"]):
            if card.get("image"):
                yield file, f"$.models[{number}].image", card


def _raw_problem(image: Mapping[str, Any], levels: Mapping[str, int | None]) -> str | None:
    if image["url"] not in levels:
        return "no raw record of the model has this image"
    level = levels[image["url"]]
    if level is None:
        return "a raw record of the model forbids this image: it is flagged poi or minor, or not of exactly one level"
    return None if LEVELS[level] == image["level"] else f"is {LEVELS[level]} in the raw records (the site says {image['level']})"


def raw_images(data: DataDir, streams: Streams, pages: Sequence[Page]) -> Images:
    """Return the images of the models on these pages by all raw records of complete streams; the worst record counts."""
    listed = listed_models(pages)
    images: Images = {}
    for stream in streams.values():
        if not stream.ledger.complete:
            continue
        image_levels = get_source(stream.source).load_audit().image_levels
        for key, record in _records(data, stream, listed.get(stream.source, ())):
            levels = images.setdefault((stream.source, key), {})
            for url, level in image_levels(record).items():
                worst = levels.get(url, 0)
                levels[url] = None if level is None or worst is None else max(level, worst)
    return images


def _records(data: DataDir, stream: RawStream, keys: Collection[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the value of each record of some models, page by page; none of a page that cannot be read any more."""
    records = sorted((record.position, key, record) for key in stream.records.keys() & keys for record in stream.records[key])
    for page, group in groupby(records, key=lambda item: item[2].page):
        path = data.raw(stream.source, stream.name) / Path(page.rpartition(": $")[0]).name
        try:
            values = get_source(stream.source).records(parse_json_body(read_bytes(path), path)[1])
        except (EtlError, TypeError, LookupError):
            continue
        for _, key, record in group:
            if record.page_index < len(values) and isinstance(values[record.page_index], dict):
                yield key, values[record.page_index]

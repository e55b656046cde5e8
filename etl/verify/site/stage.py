"""All checks of what clients download, in a folder or at a URL."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from etl.core.layout import INDEX
from etl.verify.published import REBUILD, Check
from etl.verify.raw_streams import read_raw_streams
from etl.verify.site.cards import LocalModels, check_cards
from etl.verify.site.changes import check_changes
from etl.verify.site.download import UrlReader, is_url
from etl.verify.site.files import SiteFiles
from etl.verify.site.images import check_images, raw_images
from etl.verify.site.manifests import LocalManifests, check_manifests
from etl.verify.site.pages import check_links, check_options, check_pages, listed_models, valid_pages
from etl.verify.site.reading import FolderReader
from etl.verify.site.schemas import ClosedSchemas
from etl.verify.site.shards import check_search, check_shards
from etl.verify.site.signature import check_signature, read_public_key

if TYPE_CHECKING:
    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.verify.raw_streams import StartWorkers
    from etl.verify.site.reading import Reader


def verify_site(
    data: DataDir, config: Config, target: str, key_file: Path | None, start_workers: StartWorkers
) -> list[Check]:  # fmt: skip
    """Check a site; comparisons with data/manifests, data/models and data/raw are left out if there are no manifests.

    `start_workers` starts what reads so many bytes of raw pages.

    Raises:
        UsageError: `target` is not a site, or the key file has no public key.
        StorageError, SourceUnavailableError: the disk or the server fails.
    """
    key = read_public_key(key_file) if key_file else None
    reader: Reader = UrlReader(target) if is_url(target) else FolderReader(Path(target))
    site = SiteFiles(reader, ClosedSchemas(config), _fix(data, target)).load()
    pages = valid_pages(site)
    checks = [
        *site.checks,
        check_signature(site, reader, key),
        check_pages(site, pages),
        check_links(site, pages),
        check_options(site, pages),
        check_shards(site, pages),
        check_search(site),
        check_changes(site),
    ]
    if not (data.manifests / INDEX).is_file():
        checks.append(check_images(site, pages, config, None))
        skipped = Check("pages and cards against data", fix=REBUILD)
        skipped.notes.append(f"not checked: {data.manifests / INDEX} not found")
        return [*checks, skipped]
    raw = read_raw_streams(data, config, start_workers, listed_models(pages))
    manifests = LocalManifests(data.manifests)
    images = raw_images(data, raw.streams, pages)
    models = {source.name: LocalModels(data, source.name, raw.streams, images) for source in config.sources}
    cards = check_cards(site, pages, manifests.streams, config, models)
    cards.problems += raw.errors
    return [*checks, check_images(site, pages, config, images), check_manifests(site, pages, manifests), cards]


def _fix(data: DataDir, target: str) -> str:
    """Return how to fix a site."""
    if is_url(target):
        return "publish it, and upload it again: make publish"
    named = "" if Path(target).resolve() == data.site.resolve() else f" SITE={shlex.quote(target)}"
    return f"publish it again: make publish{named}"

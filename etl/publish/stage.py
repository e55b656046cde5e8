"""data/manifests and data/models to data/site: what a client downloads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from etl.core.layout import SCHEMAS, TYPES
from etl.publish.catalogue import read_catalogue
from etl.publish.changes import add_changes, has_all_changes
from etl.publish.files import Files
from etl.publish.pages import add_pages
from etl.publish.shards import add_models, add_search
from etl.publish.store import MAX_PREVIOUS, Store, make_publication
from etl.publish.tables import add_tables, library_versions
from etl.storage.fingerprint import fingerprint, is_recorded, record

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.publish.signature import SigningKey
    from etl.publish.store import Publication

VERSION = 1
_CACHE = "published"
FIXED_FILES = {"schemas/catalogue.schema.json": SCHEMAS / "site.schema.json", "types/catalogue.d.ts": TYPES}


@dataclass(frozen=True)
class PublishOptions:
    """How to publish.

    Attributes:
        site: The folder that is served.
        filters: The file of the configuration.
        max_age_s: Seconds after which clients fetch the entry again.
        keep_s: Seconds for which the files of a publication stay, at least.
        signing_key: The key that signs the entry; None for no signature.
    """

    site: Path
    filters: Path
    max_age_s: int = 3600
    keep_s: float = 7 * 86400
    signing_key: SigningKey | None = None


@dataclass(frozen=True)
class PublishResult:
    """What a publication did.

    Attributes:
        folder: The folder of the version.
        generated: When the newest data came.
        pages: How many manifests have a page; 0 if nothing changed.
        models: How many models are published; 0 if nothing changed.
        new_files: How many files were written; 0 if nothing changed.
        removed: How many files of old publications were removed.
        has_parquet: Whether the tables have Parquet, which needs DuckDB.
        warning: What clients that check signatures will not accept; None if nothing.
    """

    folder: Path
    generated: str
    pages: int
    models: int
    new_files: int
    removed: int
    has_parquet: bool
    warning: str | None = None


def publish(data: DataDir, config: Config, options: PublishOptions) -> PublishResult:
    """Write the site: files that are new, then the entry; if nothing changed, no file changes.

    Raises:
        MissingInputError: manifests or models were not built.
        InvalidDataError: they, or the entry of the site, violate their schemas.
        StorageError: an I/O error; the site is as it was.
    """
    store = Store(options.site / f"v{VERSION}")
    fixed = {name: path.read_bytes() for name, path in FIXED_FILES.items()}
    current = store.current()
    inputs = _input_fingerprint(data, options, current)
    is_signed = options.signing_key is None or (current is not None and store.signature(current) is not None)
    if current and is_signed and is_recorded(data, _CACHE, inputs) and store.is_complete(current, fixed):
        removed = store.prune(options.keep_s)
        return PublishResult(store.folder, current.value["generated"], 0, 0, 0, removed, _has_parquet(current))
    catalogue = replace(read_catalogue(data, config), not_before=current.value["generated"] if current else "")
    files = Files()
    entry: dict[str, Any] = {
        "version": VERSION,
        "generated": catalogue.generated,
        "max_age_s": options.max_age_s,
        "index": add_pages(files, catalogue),
        "models": add_models(files, catalogue),
        "search": add_search(files, catalogue),
        "tables": add_tables(files, catalogue),
    }
    is_new = current is None or any(current.value[key] != value for key, value in entry.items())
    is_new = is_new or _is_signed_otherwise(store, current, options.signing_key)
    intact = store.intact(current) if current else []
    if current:  # lost files that nothing else has are no longer named
        is_new = is_new or not has_all_changes(store, current) or not {*current.value["previous"]} <= {*intact}
    if is_new:
        entry["changes"] = add_changes(files, catalogue, data, store, current)
    publication = make_publication({**entry, "previous": intact[:MAX_PREVIOUS]}) if is_new or current is None else current
    signature = {publication.signature_name: options.signing_key.sign(publication.content)} if options.signing_key else {}
    before = {current.name: current.content} if current else {}  # it becomes the first of `previous`
    new_files = store.write({**files.content, **fixed, **before, publication.name: publication.content, **signature})
    if is_new:
        store.commit(publication)
    removed = store.prune(options.keep_s)
    record(data, _CACHE, _input_fingerprint(data, options, publication))
    counts = len(catalogue.manifests), len(catalogue.models), new_files + is_new, removed
    warning = _unsigned(store, publication, current)
    return PublishResult(store.folder, catalogue.generated, *counts, _has_parquet(publication), warning)


def _has_parquet(publication: Publication) -> bool:
    return publication.value["tables"]["parquet"] is not None


def _is_signed_otherwise(store: Store, publication: Publication | None, key: SigningKey | None) -> bool:
    """Return whether a publication has a signature that is not of this key: names never change, so a new one is needed."""
    signature = store.signature(publication) if publication and key else None
    return bool(publication and key and signature is not None and signature != key.sign(publication.content))


def _unsigned(store: Store, publication: Publication, before: Publication | None) -> str | None:
    """Return a warning if a publication has no signature, but the one before has."""
    if store.signature(publication) is not None or before is None or store.signature(before) is None:
        return None
    return "the publication before is signed, and this one is not: clients that have a key refuse it; use SIGN_KEY"


def _input_fingerprint(data: DataDir, options: PublishOptions, current: Publication | None) -> str:
    """Return a hash of what a publication is made of, and of the one that is current."""
    summaries = data.models("").glob("*/summary.json")
    current_entry = current.content if current else b""
    state = {"options": repr(options).encode(), "current": current_entry, "libraries": library_versions().encode()}
    return fingerprint([*data.manifests.rglob("[!.]*"), *summaries, options.filters], state)

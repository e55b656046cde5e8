"""The published models and manifests as an SQLite database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from etl.publish.catalogue import ModelKey
from etl.publish.columns import model_columns, model_row
from etl.publish.pages import page_status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from etl.publish.catalogue import Catalogue
    from etl.publish.columns import Column

_TYPES = {"integer": "INTEGER", "real": "REAL", "boolean": "INTEGER", "text": "TEXT"}
_NEVER_NULL = ("source", "id", "slug", "name", "url")
# Keys of one column, since Datasette follows no others. They number the rows of this file only: source and id say which model.
_TABLES = """
CREATE TABLE models (
  model_key INTEGER PRIMARY KEY,
  {columns},
  UNIQUE (source, id)
);
CREATE TABLE tags (
  tag TEXT NOT NULL,
  model_key INTEGER NOT NULL REFERENCES models (model_key),
  PRIMARY KEY (tag, model_key)
) WITHOUT ROWID;
CREATE TABLE manifests (
  manifest_key INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  filter TEXT NOT NULL,
  label TEXT NOT NULL,
  updated TEXT NOT NULL,
  status TEXT NOT NULL,
  status_text TEXT NOT NULL,
  count INTEGER NOT NULL,
  UNIQUE (source, filter)
);
CREATE TABLE positions (
  manifest_key INTEGER NOT NULL REFERENCES manifests (manifest_key),
  rank INTEGER NOT NULL,
  model_key INTEGER NOT NULL REFERENCES models (model_key),
  PRIMARY KEY (manifest_key, rank)
) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX models_by_downloads ON models (source, downloads);
CREATE INDEX models_by_likes ON models (source, likes);
CREATE INDEX models_by_author ON models (author);
CREATE INDEX tags_by_model ON tags (model_key);
CREATE UNIQUE INDEX positions_by_model ON positions (model_key, manifest_key);
"""


def write_sqlite(path: Path, catalogue: Catalogue) -> None:
    """Write the database to a new file. The same catalogue and SQLite library give the same bytes.

    Raises:
        sqlite3.Error: the file cannot be written.
    """
    columns = model_columns([source.name for source in catalogue.sources])
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        # The page size is that of the library's build unless it is set; a new file needs no journal.
        database.executescript("PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        database.execute("BEGIN")
        for statement in _statements(_TABLES.format(columns=",\n  ".join(map(_definition, columns)))):
            database.execute(statement)
        _insert_models(database, columns, catalogue)
        _insert_manifests(database, catalogue)
        for statement in _statements(_INDEXES):
            database.execute(statement)
        database.execute("COMMIT")


def _statements(script: str) -> Iterable[str]:
    return script.strip().split(";\n")


def _definition(column: Column) -> str:
    return f'"{column.name}" {_TYPES[column.kind]}{" NOT NULL" if column.name in _NEVER_NULL else ""}'


def _insert_models(database: sqlite3.Connection, columns: list[Column], catalogue: Catalogue) -> None:
    models = catalogue.models.values()
    rows = ((key, *model_row(columns, model).values()) for key, model in enumerate(models, 1))
    database.executemany(f"INSERT INTO models VALUES (?{', ?' * len(columns)})", rows)  # noqa: S608 -- marks only
    tags = {(tag, key) for key, model in enumerate(models, 1) for tag in model["tags"] or ()}
    database.executemany("INSERT INTO tags VALUES (?, ?)", sorted(tags))


def _insert_manifests(database: sqlite3.Connection, catalogue: Catalogue) -> None:
    model_keys = {key: number for number, key in enumerate(catalogue.models, 1)}
    for number, manifest in enumerate(catalogue.manifests, 1):
        filter_ = manifest.filter
        status = page_status(manifest.entry)
        row = (number, filter_.source, filter_.path, filter_.label, manifest.entry["timestamp"], *status, len(manifest.models))
        database.execute("INSERT INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        ids = (model["id"] for model in manifest.models)
        positions = ((number, rank, model_keys[ModelKey(filter_.source, id_)]) for rank, id_ in enumerate(ids, 1))
        database.executemany("INSERT INTO positions VALUES (?, ?, ?)", positions)

"""The catalogue as tables: SQLite, and Parquet where DuckDB is installed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from etl.publish.cards import card

if TYPE_CHECKING:
    from etl.publish.catalogue import Catalogue
    from etl.publish.files import FileReference, Files


def add_tables(files: Files, catalogue: Catalogue) -> dict[str, FileReference | None]:
    """Add the tables; return the references to them."""
    return {"sqlite": files.add("tables/catalogue", _sqlite(catalogue), "sqlite"), "parquet": None}


def _sqlite(catalogue: Catalogue) -> bytes:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE models (source TEXT, id TEXT, name TEXT)")
    rows: list[Any] = [(row["source"], row["id"], row["name"]) for row in map(card, catalogue.models.values())]
    database.executemany("INSERT INTO models VALUES (?, ?, ?)", rows)
    database.commit()
    content = database.serialize()
    database.close()
    return content

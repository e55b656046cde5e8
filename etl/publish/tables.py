"""The catalogue as tables: SQLite, and Parquet where DuckDB is installed."""

from __future__ import annotations

import sqlite3
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from etl.core.errors import StorageError
from etl.publish.parquet_file import has_duckdb, write_parquet
from etl.publish.sqlite_file import write_sqlite

if TYPE_CHECKING:
    from etl.publish.catalogue import Catalogue
    from etl.publish.files import FileReference, Files


def add_tables(files: Files, catalogue: Catalogue) -> dict[str, FileReference | None]:
    """Add the tables; return the references to them, that to Parquet None without DuckDB.

    Both are written to a temporary folder first, since neither library writes to memory in all its builds.

    Raises:
        StorageError: the temporary folder has no space.
    """
    with TemporaryDirectory(prefix="etl-tables-") as folder:
        sqlite, parquet = Path(folder, "catalogue.sqlite"), Path(folder, "models.parquet")
        try:
            write_sqlite(sqlite, catalogue)
        except sqlite3.Error as error:
            raise StorageError(
                f"{sqlite}: cannot be written: {error}; free disk space, or set TMPDIR to another folder"
            ) from error
        references: dict[str, FileReference | None] = {"sqlite": files.add("tables/catalogue", sqlite.read_bytes(), "sqlite")}
        sqlite.unlink()
        if not has_duckdb():
            return {**references, "parquet": None}
        write_parquet(parquet, catalogue)
        return {**references, "parquet": files.add("tables/models", parquet.read_bytes(), "parquet")}


def library_versions() -> str:
    """Return the versions of the libraries, on which the bytes of the tables depend; DuckDB is not imported for it."""
    try:
        duckdb = metadata.version("duckdb")
    except metadata.PackageNotFoundError:
        duckdb = "none"
    return f"SQLite {sqlite3.sqlite_version}, DuckDB {duckdb}"

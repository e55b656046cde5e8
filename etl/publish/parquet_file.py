"""All models, published or not, as a Parquet file, by DuckDB where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from etl.core.errors import StorageError
from etl.publish.catalogue import ModelKey
from etl.publish.columns import model_columns, model_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.publish.catalogue import Catalogue
    from etl.selection.stored import StoredStreams

_TYPES = {"integer": "BIGINT", "real": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR"}
_ROWS_IN_GROUP = 20_480  # a reader skips the groups that have none of the ids it looks for; DuckDB counts by 2,048
# One thread: several would decide by their speed where a row group ends. Nothing is fetched or loaded.
_SETTINGS = {"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False}


def has_duckdb() -> bool:
    """Return whether DuckDB can be imported."""
    try:
        import duckdb  # noqa: F401 -- only whether it can be imported
    except ImportError:
        return False
    return True


def write_parquet(path: Path, catalogue: Catalogue) -> None:
    """Write the file, sorted by source and id. The same models and version of DuckDB give the same bytes.

    Raises:
        StorageError: it cannot be written.
    """
    import duckdb

    kinds = model_columns([source.name for source in catalogue.sources])
    columns = {**{name: _TYPES[kind] for name, kind in kinds}, "tags": "VARCHAR[]", "published": "BOOLEAN"}
    lines = path.with_suffix(".ndjson")
    longest = 1
    with lines.open("wb") as file:
        for model in _all_models(catalogue):
            is_published = ModelKey(model["source"], model["id"]) in catalogue.models
            row = {**model_row(kinds, model), "tags": model["tags"], "published": is_published}
            longest = max(longest, file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)))
    settings: dict[str, Any] = {**_SETTINGS, "temp_directory": str(path.parent)}
    try:
        with duckdb.connect(config=settings) as database:
            rows = database.read_json(
                str(lines),
                columns=columns,
                format="newline_delimited",
                maximum_object_size=longest + 1,
                compression="none",
            )
            rows.order("source, id").write_parquet(str(path), compression="zstd", row_group_size=_ROWS_IN_GROUP)
    except duckdb.Error as error:
        raise StorageError(f"{path}: DuckDB cannot write it: {error}") from error


def _all_models(catalogue: Catalogue) -> Iterator[Mapping[str, Any]]:
    for source in catalogue.sources:
        yield from _models_of(catalogue.streams[source.name])


def _models_of(streams: StoredStreams) -> Iterator[Mapping[str, Any]]:
    """Yield each model of the complete streams of a source once, as its most recently fetched stream has it."""
    newest_first = sorted(streams.all_streams().items(), key=lambda item: item[1].ledger.timestamp, reverse=True)
    for number, (name, _) in enumerate(newest_first):
        newer = [stream.selection for _, stream in newest_first[:number]]
        for model in streams.models(name):
            if not any(selection.position_of(model["id"]) is not None for selection in newer):
                yield model

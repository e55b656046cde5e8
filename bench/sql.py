"""The manifests of one stream by DuckDB: `python -m bench.sql FOLDER FILTERS RESULT` writes the ids of each filter.

FOLDER has the models of the stream. The query is written from docs/filters.md and shares no code with the project.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import duckdb

_SETTINGS: dict[str, Any] = {"threads": 2, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
_LISTS = {"tags"}
_NUMBERS = {"downloads", "likes", "parameters"}
_TIMES = {"created", "updated"}
_EXPRESSION = re.compile(r"\.([a-z_]+) >= ([0-9]+)")
# Ids that differ only in case are one model, at the position of its first record. Equal ids: the first record counts; several
# spellings: the record fetched last.
_MODELS = """
CREATE TABLE models AS
SELECT first AS position, records.* FROM records JOIN (
    SELECT min(rowid) AS first, CASE WHEN min(id) = max(id) THEN min(rowid) ELSE max(rowid) END AS chosen
    FROM records GROUP BY lower(id)
) ON records.rowid = chosen
"""


def top_ids(folder: Path, filters: Path) -> dict[str, list[str]]:
    """Return the ids of each published filter of the only source in `filters`, by the filter's path."""
    config = tomllib.loads(filters.read_text(encoding="utf-8"))
    (source,) = (value for value in config.values() if isinstance(value, dict))
    axes = {axis: {key: value for key, value in table.items() if key != "field"} for axis, table in source["axes"].items()}
    tests = {
        option: test
        for axis, options in axes.items()
        for option, value in options.items()
        if (test := _condition(source["axes"][axis].get("field", axis), value))
    }
    orders = {option: value["orders"] for options in axes.values() for option, value in options.items() if "orders" in value}
    with duckdb.connect(config=_SETTINGS) as database:
        _read(database, folder, tests, sorted({*orders.values()}), source.get("skip", []))
        return {path: _ids(database, axes, path, tests, orders, config["limit"]) for path in source["manifests"]}


def _read(database: Any, folder: Path, tests: dict[str, str], orders: list[str], skip: list[str]) -> None:
    """Create the table `models`: position, id, a column for each test, and the values that order."""
    files = sorted(folder.glob("page-*.json"), key=lambda path: int(path.stem.removeprefix("page-")))
    fields = {"id", *orders, *(field for test in tests.values() for field in re.findall(r'"(\w+)"', test))}
    columns = ", ".join(f"{field}: '{_type(field)}'" for field in sorted(fields))
    selected = ["id", *orders, *(f'coalesce({test}, false) AS "is {option}"' for option, test in tests.items())]
    skipped = "".join(f" AND lower(id) <> lower({_quote(identity)})" for identity in skip)
    database.execute(  # rows keep the order of the files and of their items: preserve_insertion_order
        f"CREATE TABLE records AS SELECT {', '.join(selected)} FROM read_json($files, format='array', columns={{{columns}}}) "  # noqa: S608 -- the values are quoted
        f"WHERE true{skipped}",
        {"files": [str(path) for path in files]},
    )
    database.execute(_MODELS)


def _ids(  # noqa: PLR0913, PLR0917 -- what a filter says
    database: Any, axes: dict[str, Any], path: str, tests: dict[str, str], orders: dict[str, str], limit: int
) -> list[str]:
    chosen = {next(iter(options)) for options in axes.values()}
    for option in path.split("/"):
        if option != "default":
            (axis,) = (options for options in axes.values() if option in options)
            chosen = chosen - {*axis} | {option}
    conditions = " AND ".join(["true", *(f'"is {option}"' for option in sorted(chosen & {*tests}))])
    fields = [f"{orders[option]} DESC NULLS LAST" for option in chosen & {*orders}]
    query = f"SELECT id FROM models WHERE {conditions} ORDER BY {', '.join([*fields, 'position'])} LIMIT {limit}"  # noqa: S608
    return [identity for (identity,) in database.execute(query).fetchall()]


def _condition(field: str, option: dict[str, Any]) -> str:
    conditions = []
    if "keeps" in option:
        conditions.append(_has_any(field, option["keeps"]))
    if "drops" in option:
        conditions.append(f'("{field}" IS NULL OR NOT {_has_any(field, option["drops"])})')
    if "where" in option:
        match = _EXPRESSION.fullmatch(option["where"])
        if match is None:
            sys.exit(f"{option['where']}: not supported here (expected such as .downloads >= 1000)")
        conditions.append(f'"{match[1]}" >= {match[2]}')
    return " AND ".join(conditions)


def _has_any(field: str, values: list[Any]) -> str:
    quoted = ", ".join(_quote(value if isinstance(value, str) else json.dumps(value)) for value in values)
    return f'list_has_any("{field}", [{quoted}])' if field in _LISTS else f'"{field}" IN ({quoted})'


def _type(field: str) -> str:
    if field in _LISTS:
        return "VARCHAR[]"
    return "BIGINT" if field in _NUMBERS else "TIMESTAMP" if field in _TIMES else "VARCHAR"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    stream, filters_toml, result = map(Path, sys.argv[1:])
    result.write_text(json.dumps(top_ids(stream, filters_toml)), encoding="utf-8")

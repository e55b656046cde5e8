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


Choice = tuple[str, str]  # an axis and an option of it


def top_ids(folder: Path, filters: Path) -> dict[str, list[str]]:
    """Return the ids of each published filter of the only source in `filters`, by the filter's path."""
    config = tomllib.loads(filters.read_text(encoding="utf-8"))
    (source,) = (value for value in config.values() if isinstance(value, dict))
    axes = {axis: {key: value for key, value in table.items() if key != "field"} for axis, table in source["axes"].items()}
    options = {(axis, name): option for axis, table in axes.items() for name, option in table.items()}
    conditions = {choice: _condition(source["axes"][choice[0]].get("field", choice[0]), options[choice]) for choice in options}
    tests = {choice: condition for choice, condition in conditions.items() if condition}
    orders = {choice: option["orders"] for choice, option in options.items() if "orders" in option}
    with duckdb.connect(config=_SETTINGS) as database:
        database.execute("SET TimeZone = 'UTC'")  # of times that name no zone
        _read(database, folder, tests, sorted({*orders.values()}), source.get("skip", []))
        top = {}
        for path in source["manifests"]:
            choices = _choices(axes, path)
            where = " AND ".join(["true", *(_column(choice) for choice in choices if choice in tests)])
            order = ", ".join([*(f"{orders[choice]} DESC NULLS LAST" for choice in choices if choice in orders), "position"])
            query = f"SELECT id FROM models WHERE {where} ORDER BY {order} LIMIT {config['limit']}"  # noqa: S608 -- names only
            top[path] = [identity for (identity,) in database.execute(query).fetchall()]
        return top


def _choices(axes: dict[str, Any], path: str) -> list[Choice]:
    """Return the option of each axis: one that the path names, or the first."""
    names = set(path.split("/"))
    return [
        (axis, next((name for name in [*options][1:] if name in names), next(iter(options)))) for axis, options in axes.items()
    ]


def _read(database: Any, folder: Path, tests: dict[Choice, str], orders: list[str], skip: list[str]) -> None:
    """Create the table `models`: position, id, a column for each test, and the values that order."""
    files = sorted(folder.glob("page-*.json"), key=lambda path: int(path.stem.removeprefix("page-")))
    fields = {"id", *orders, *(field for test in tests.values() for field in re.findall(r'"(\w+)"', test))}
    columns = ", ".join(f"{field}: '{_type(field)}'" for field in sorted(fields))
    selected = ["id", *orders, *(f"coalesce({test}, false) AS {_column(choice)}" for choice, test in tests.items())]
    skipped = "".join(f" AND lower(id) <> lower({_quote(identity)})" for identity in skip)
    database.execute(  # rows keep the order of the files and of their items: preserve_insertion_order
        f"CREATE TABLE records AS SELECT {', '.join(selected)} "  # noqa: S608 -- the values are quoted
        f"FROM read_json($files, format='array', columns={{{columns}}}) WHERE true{skipped}",
        {"files": [str(path) for path in files]},
    )
    database.execute(_MODELS)


def _column(choice: Choice) -> str:
    return f'"{choice[0]} is {choice[1]}"'


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
    return "BIGINT" if field in _NUMBERS else "TIMESTAMPTZ" if field in _TIMES else "VARCHAR"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    stream, filters_toml, result = map(Path, sys.argv[1:])
    result.write_text(json.dumps(top_ids(stream, filters_toml)), encoding="utf-8")

"""What every source must do, as functions of the source and a sample page of it."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jq
import jsonschema

from etl.config.model import Config, Rate, SourceConfig
from etl.core.layout import PROJECT, SCHEMAS, SOURCES, DataDir
from etl.core.levels import LEVELS
from etl.core.schemas import load_schema
from etl.explain.context import ExplainContext
from etl.selection.selection import ModelRef
from etl.transform.page import transform_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.sources.source import Source

ODD_VALUES: list[Any] = [None, True, False, 0, 1, "x", "", [], {}]


def check_schemas(source: Source) -> None:
    """The schemas are valid, described, and the model's has the fields of all sources."""
    common = load_schema("model").schema["required"]
    for kind in ("raw", "request", "model"):
        schema = json.loads((SCHEMAS / source.name / f"{kind}.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"{source.name}/{kind}.schema.json"
        assert schema["title"]
        assert schema["description"]
    assert set(common) <= set(load_schema(f"{source.name}/model").schema["required"])


def check_entries(source: Source, page: Any) -> None:
    """Every record of a sample becomes one model or one rejected record, in page order."""
    assert not load_schema(f"{source.name}/raw").violations(page)
    records = source.records(page)
    assert len(records) > 1
    result = transform_page(source, json.dumps(page).encode(), "the sample")
    rejected = {record.record for record in result.set_aside}
    assert result.records == len(records) == len(result.models) + len(rejected)
    ids = [str(record["id"]) for index, record in enumerate(records) if index not in rejected]
    assert [model["id"] for model in result.models] == ids
    assert result.models


def check_jq_command(source: Source, page: Any) -> bool:
    """The jq command gives what the package gives; return whether there is a jq command."""
    program = SOURCES / source.name / "transform.jq"
    if shutil.which("jq") is None:
        return False
    text = json.dumps(page)
    done = subprocess.run(["jq", "-f", str(program)], input=text, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == jq.compile(program.read_text(encoding="utf-8")).input_text(text).first()
    return True


def check_paging_ends(source: Source, page: Any) -> None:
    """No page is the next of itself; a page without a record and without a link is the last one."""
    request = source.first_request({})
    assert request.startswith(source.path)
    following = source.next_page(request, None, page)
    assert following != request
    empty: Any = [] if source.records_key is None else {source.records_key: []}
    assert source.records(empty) == []
    assert source.next_page(following or request, None, empty) is None


def check_audit(source: Source, page: Any) -> None:
    """The audit reads of each record, also with odd values, what the transform decides."""
    audit = source.load_audit()
    compared, reasons = 0, set()
    for record in variants(source, page):
        result = transform_page(source, json.dumps(with_records(source, page, [record])).encode(), "the sample")
        rejected = [row.reason for row in result.set_aside if row.reason in source.never_published]
        reading = audit.read(record)
        if not any(row.reason == "id" for row in result.set_aside):  # without an id no other record is of the same model
            assert bool(rejected) == bool(reading.rejections), record
        assert set(rejected) <= set(reading.rejections)
        reasons |= set(rejected)
        levels = [row.levels for row in result.set_aside if row.levels] or [m for m in result.models if "level" in m]
        for decided in levels:
            assert (LEVELS[reading.level], LEVELS[reading.level_most]) == (decided["level"], decided["level_most"]), record
            assert reading.flagged == decided["flagged"], record
        compared += 1
    assert compared > len(ODD_VALUES)
    assert reasons == source.never_published, "the sample page must have a record for each of these reasons"


def variants(source: Source, page: Any) -> Iterator[dict[str, Any]]:
    """Yield the records of a page, and each with an odd value, or without one, in every field."""
    for record in source.records(page):
        yield record
        for name in record:
            yield {key: value for key, value in record.items() if key != name}
            for odd in ODD_VALUES:
                yield {**record, name: odd}


def with_records(source: Source, page: Any, records: list[Any]) -> Any:
    """Return a page with other records."""
    if source.records_key is None:
        return records
    return {**deepcopy(page), source.records_key: records}


def check_independence(source: Source) -> None:
    """Rules and audit share nothing but the interface; the helpers of audits are theirs alone."""
    package = f"etl.sources.{source.name}"
    of_rules, of_audit = (imported(f"{package}.{module}") for module in ("rules", "audit"))
    shared = {"etl", "etl.sources", "etl.sources.source", package}
    assert {name for name in of_rules & of_audit if name.startswith("etl.sources")} <= shared
    assert "etl.sources.auditing" not in of_rules
    assert {name for name in of_audit if name.startswith(f"{package}.")} <= {f"{package}.audit"}


def imported(module: str) -> set[str]:
    """Return the modules of etl that a module imports, directly or not, types included."""
    names: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        path = PROJECT.joinpath(*name.split(".")).with_suffix(".py")
        if name in names or not name.startswith("etl") or not path.is_file():
            continue
        names.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                pending += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                pending += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def check_explain_commands(source: Source, page: Any) -> None:
    """The jq programs that explain prints find the raw record of a model and of each rejected record."""
    table = SourceConfig(source.name, "prefix", 1, None, 1, Rate(1, 1, 1), {}, (), frozenset(), ())
    result = transform_page(source, json.dumps(page).encode(), "the sample")
    model = result.models[0]
    ref = ModelRef(model["id"], model["slug"], model["name"], "page-0001.json", 0, model["id"])
    context = ExplainContext(DataDir(Path("data")), Config(1, 1, (table,)), lambda *_: [])
    command, *_ = context.jq_for_models(table, "default", [ref])
    assert [str(record["id"]) for record in run_jq(command, page)] == [model["id"]]
    rejected = [("page-0001.json", {"record": row.record}) for row in result.set_aside]
    *commands, _ = context.jq_for_rejected(table, "default", rejected)
    assert [run_jq(command, page) for command in commands] == [[source.records(page)[row.record]] for row in result.set_aside]


def run_jq(command: str, page: Any) -> list[Any]:
    """Return what the program of a jq command makes of a page."""
    records: list[Any] = jq.compile(shlex.split(command)[1]).input_text(json.dumps(page)).all()
    return records

"""The checks that every source must pass, as functions of the source and a sample page."""

from __future__ import annotations

import ast
import json
import random
import shlex
import shutil
import subprocess
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jq
import jsonschema

from etl.config.source_config import Config, Rate, SourceConfig
from etl.core.layout import PROJECT, SCHEMAS, SOURCES, DataDir
from etl.core.levels import LEVELS
from etl.core.schemas import load_schema
from etl.explain.context import ExplainContext
from etl.expressions.names import collect_names
from etl.expressions.tokens import tokenize
from etl.selection.stream_models import ModelRef
from etl.sources.source import TransformOptions
from etl.storage.json_files import parse_json_body
from etl.transform.page import transform_page
from etl.transform.projection import _load_program, _run, project
from etl.transform.repair import expected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.sources.source import Audit, Source

ODD_VALUES: list[Any] = [None, True, False, 0, 1, "x", "", [], {}]
DELETED = object()
MAX_DEPTH = 6  # of values that are replaced by odd ones; image levels of CivitAI are 5 deep


def check_schemas(source: Source) -> None:
    """Check that schemas are valid and described, and define the common model fields and the request parameters."""
    for kind in ("raw", "request", "model"):
        schema = json.loads((SCHEMAS / source.name / f"{kind}.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"{source.name}/{kind}.schema.json"
        assert schema["title"]
        assert schema["description"]
    model = load_schema(f"{source.name}/model").schema
    assert set(load_schema("model").schema["required"]) <= set(model["required"])
    assert set(model["required"]) == set(model["properties"])
    assert all(expected(field, source.name) for field in ("id", "type"))  # messages about rejected records quote them
    params = {source.page_param, *source.neutral_params} - {None}
    assert params <= set(load_schema(f"{source.name}/request").schema["properties"])


def check_entries(source: Source, page: Any) -> None:
    """Check that every record of a sample becomes one model or one rejected record, in page order."""
    assert not load_schema(f"{source.name}/raw").violations(page)
    records = source.records(page)
    assert len(records) > 1
    result = transform_page(source, json.dumps(page).encode(), "the sample")
    rejected = {record.record for record in result.set_aside}
    assert result.records == len(records) == len(result.models) + len(rejected)
    ids = [str(record["id"]) for index, record in enumerate(records) if index not in rejected]
    assert [model["id"] for model in result.models] == ids
    assert result.models


def check_odd_values(source: Source, page: Any) -> None:
    """Check that records with odd values become valid models or are rejected, and that explain can describe each."""
    describe = source.load_rules().describe
    compared = 0
    for records in variants(source, page):
        body = json.dumps(with_records(source, page, records))
        result = transform_page(source, body.encode(), "odd values")
        assert len(result.models) + len(result.set_aside) == len(records)
        for model in result.models:
            assert load_schema(f"{source.name}/model").violations(model) == []
        for record, entry in zip(
            records, project(source, parse_json_body(body.encode(), "odd values"), "odd values"), strict=True
        ):
            assert all(isinstance(line, str) for line in describe(record, entry, TransformOptions()))
            compared += 1
    assert compared > len(ODD_VALUES)


def check_mixed_fields(source: Source, page: Any, rounds: int) -> None:
    """Check that records whose fields come from different records of sample and snapshot become valid models or are rejected."""
    for mixed in mixed_records(source, page, rounds):
        result = transform_page(source, json.dumps(with_records(source, page, mixed)).encode(), "mixed fields")
        assert len(result.models) + len(result.set_aside) == len(mixed)
        assert len(result.models) > len(mixed) / 4
        for model in result.models:
            assert load_schema(f"{source.name}/model").violations(model) == []


def mixed_records(source: Source, page: Any, rounds: int) -> Iterator[list[dict[str, Any]]]:
    """Yield, round by round, records whose names, tags and counts contradict each other, as nobody would write them by hand."""
    paths = sorted((PROJECT / "data" / "raw" / source.name).glob("*/page-*.json"))
    pages = [page, *(json.loads(path.read_bytes()) for path in paths)]  # a new source has no snapshot
    records = [record for other in pages for record in source.records(other) if isinstance(record, dict)]
    assert len(records) > 1
    fields = sorted({field for record in records for field in record})
    for seed in range(rounds):
        rng = random.Random(seed)  # noqa: S311 -- the same in every run
        mixed: list[dict[str, Any]] = [{} for _ in records]
        for field in fields:
            values = [record.get(field, DELETED) for record in records]
            rng.shuffle(values)
            for record, value in zip(mixed, values, strict=True):
                record.update({} if value is DELETED else {field: value})
        yield mixed


def check_read_fields(source: Source, page: Any) -> None:
    """Check that transform.jq reads the fields that the source states, and makes the same of them as of whole records."""
    if not source.read_fields:
        return
    program = _load_program(source.name)
    text = (SOURCES / source.name / "transform.jq").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("def copied_")]
    assert set(collect_names(tokenize("\n".join(lines))).reads) - {source.records_key} == {*source.read_fields}
    for records in (source.records(page), *variants(source, page), *mixed_records(source, page, rounds=1)):
        body = parse_json_body(json.dumps(with_records(source, page, records)).encode(), "records")
        assert body.is_exact
        whole = _run(source, program.whole, body.text, "records")
        assert project(source, body, "records") == [_with_all_fields(source, entry) for entry in whole]


def _with_all_fields(source: Source, entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of transform.jq with the fields that the transform adds to a model."""
    fields = load_schema(f"{source.name}/model").schema["required"]
    blank = {field: source.name if field == "source" else None for field in fields}
    return {**entry, "model": blank | entry["model"]} if "model" in entry else entry


def check_jq_command(source: Source, page: Any) -> None:
    """Check that the jq command (or the plain jq package without it) agrees with the transform, also on odd values."""
    program = SOURCES / source.name / "transform.jq"
    for records in (source.records(page), *variants(source, page)):
        text = json.dumps(with_records(source, page, records))
        if shutil.which("jq"):
            process = subprocess.run(["jq", "-f", str(program)], input=text, capture_output=True, text=True, check=True)
            entries = json.loads(process.stdout)
        else:
            (entries,) = jq.compile(program.read_text(encoding="utf-8")).input_value(json.loads(text)).all()
        projected = project(source, parse_json_body(text.encode(), "the sample"), "the sample")
        assert [_with_all_fields(source, entry) for entry in entries] == projected


def check_paging_ends(source: Source, page: Any) -> None:
    """Check that the request for the next page differs and keeps the parameters, and that a page without records is the last."""
    params = {source.page_param: 10} if source.page_param else {}
    request = source.first_request(params)
    assert request.startswith(source.path)
    last = with_records(source, {}, [])
    assert source.records(last) == []
    assert source.next_page(request, None, last) is None
    next_request = source.next_page(request, None, page)
    if next_request is not None:
        assert next_request != request
        assert parse_qs(urlsplit(request).query).items() <= parse_qs(urlsplit(next_request).query).items()
        assert source.next_page(next_request, None, last) is None


def check_facts(source: Source, page: Any) -> None:
    """Check that facts and deferred evidence survive a file, and that without facts a deferred model stays as it is."""
    rules = source.load_rules()
    paths = sorted((PROJECT / "data" / "raw" / source.name).glob("*/page-*.json"))
    for value in (page, *(json.loads(path.read_bytes()) for path in paths[:2])):  # a new source has no snapshot
        result = transform_page(source, json.dumps(value).encode(), "a page")
        facts, deferred = json.loads(json.dumps([result.facts or {}, {str(key): item for key, item in result.deferred.items()}]))
        assert facts == (result.facts or {})
        for index, evidence in deferred.items():
            model = result.models[int(index)]
            assert all(isinstance(key, str) for key in rules.needs(model))
            resolved = dict(model)
            rules.resolve(resolved, evidence, {}, (), TransformOptions())
            assert resolved == model
            rules.resolve(resolved, evidence, facts, facts, TransformOptions())
            assert load_schema(f"{source.name}/model").violations(resolved) == []
        kinds = [kind for fact in facts.values() if (kind := rules.kind(fact)) is not None]
        assert rules.summarize([(kind, 2) for kind in kinds]) == rules.summarize([(kind, 1) for kind in kinds * 2])
        names = {key for fact in facts.values() for key in rules.follow(fact)} if rules.follow else set()
        assert names <= {key for index in deferred for key in rules.needs(result.models[int(index)])}


def check_audit(source: Source, page: Any) -> None:
    """Check that audit and transform agree on each record, also on odd values."""
    audit = source.load_audit()
    compared = 0
    for records in variants(source, page):
        result = transform_page(source, json.dumps(with_records(source, page, records)).encode(), "odd values")
        rejected = {row.record: row for row in result.set_aside}
        models = iter(result.models)
        for index, record in enumerate(records):
            row = rejected.get(index)
            model = next(models) if row is None else None
            check_reading(source, audit, record, row.reason if row else None, (row.levels if row else model) or {})
            compared += 1
    assert compared > len(ODD_VALUES)


def check_reading(source: Source, audit: Audit, record: dict[str, Any], reason: str | None, decided: dict[str, Any]) -> None:
    """Check that the audit of a record has the transform's rejection reason, if any, and its levels."""
    reading = audit.read(record)
    assert set(reading.rejections) <= source.never_published, record
    if reason in source.never_published:
        assert reason in reading.rejections, record
    elif reason is None:
        assert reading.rejections == (), record
    if "level" in decided:
        assert (LEVELS[reading.level], LEVELS[reading.level_most]) == (decided["level"], decided["level_most"]), record
        assert reading.flagged == decided["flagged"], record
    for sort_key in audit.time_keys:
        audit.sort_value(record, sort_key)
    if reason is None and "id" in decided:
        check_field_values(audit, record, decided)
    assert not audit.is_unrequested(record, {})
    assert all(isinstance(leak, str) for leak in audit.leaks(reading, {}))


def check_field_values(audit: Audit, record: dict[str, Any], model: dict[str, Any]) -> None:
    """Check that the audit reads from a record the numbers and times that the model has."""
    for field, read in audit.field_values.items():
        value = model[field]
        expected = datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value
        assert read(record) == expected, (field, record)


def variants(source: Source, page: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield, for each record of a page, the record and copies of it in which one value is odd or deleted."""
    for record in source.records(page):
        copies = [record]
        for json_path in json_paths(record):
            for odd in (*ODD_VALUES, DELETED):
                changed = deepcopy(record)
                parent = changed
                for key in json_path[:-1]:
                    parent = parent[key]
                if odd is DELETED:
                    del parent[json_path[-1]]
                else:
                    parent[json_path[-1]] = odd
                copies.append(changed)
        yield copies


def json_paths(value: Any, parents: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values in a record; of the items of a list, only the first."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list) and value:
        items = [(0, value[0])]
    for key, child in items:
        yield (*parents, key)
        if len(parents) + 1 < MAX_DEPTH:
            yield from json_paths(child, (*parents, key))


def with_records(source: Source, page: Any, records: list[Any]) -> Any:
    """Return a copy of a page with other records."""
    if source.records_key is None:
        return records
    return {**deepcopy(page), source.records_key: records}


def check_independence(source: Source) -> None:
    """Check that rules and audit share only the source interface, and that no rule imports the helpers of audits."""
    package = f"etl.sources.{source.name}"
    rules_imports, audit_imports = (imported_modules(f"{package}.{module}") for module in ("rules", "audit"))
    shared = {"etl", "etl.sources", "etl.sources.source", package}
    assert {name for name in rules_imports & audit_imports if name.startswith("etl.sources")} <= shared
    assert "etl.sources.auditing" not in rules_imports
    assert {name for name in audit_imports if name.startswith(f"{package}.")} <= {f"{package}.audit"}


def imported_modules(module: str) -> set[str]:
    """Return the modules of etl that a module imports, directly or indirectly, for types too."""
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
    """Check that the jq commands of explain find the raw record of a model, the model, and a rejected record."""
    table = SourceConfig(source.name, "prefix", 1, None, 1, Rate(1, 1, 1), {}, (), frozenset(), (), 1)
    context = ExplainContext(DataDir(Path("data")), Config(1, 1, (table,), ""), lambda *_: [])
    result = transform_page(source, json.dumps(page).encode(), "the sample")
    for model in result.models:
        ref = ModelRef(model["id"], model["slug"], model["name"], "page-0001.json", 0, model["id"])
        for_raw, for_models = context.jq_for_models(table, "default", [ref])
        assert [str(record["id"]) for record in run_jq(for_raw, page)] == [model["id"]]
        assert run_jq(for_models, result.models) == [model]
    for rejected in result.set_aside:
        command, _ = context.jq_for_rejected(table, "default", [("page-0001.json", {"record": rejected.record})])
        assert run_jq(command, page) == [source.records(page)[rejected.record]]


def run_jq(command: str, value: Any) -> list[Any]:
    """Run the program of a jq command on a value; return its results."""
    results: list[Any] = jq.compile(shlex.split(command)[1]).input_value(value).all()
    return results

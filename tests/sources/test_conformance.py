"""Every source conforms to the interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from etl.core.layout import source_names
from etl.sources.source import Source, get_source
from tests.sources import conformance


@pytest.fixture(params=source_names())
def source(request: pytest.FixtureRequest) -> Source:
    return get_source(request.param)


@pytest.fixture
def page(source: Source) -> Any:
    return json.loads((Path(__file__).parent / source.name / "sample.json").read_text(encoding="utf-8"))


def test_several_sources_exist() -> None:
    assert len(source_names()) > 1


def test_schemas_are_valid(source: Source) -> None:
    conformance.check_schemas(source)


def test_every_record_becomes_a_model_or_is_rejected(source: Source, page: Any) -> None:
    conformance.check_entries(source, page)


def test_the_jq_command_agrees_with_the_transform(source: Source, page: Any) -> None:
    conformance.check_jq_command(source, page)


def test_records_with_odd_values_become_valid_models_or_are_rejected(source: Source, page: Any) -> None:
    conformance.check_odd_values(source, page)


def test_records_that_contradict_themselves_become_valid_models(source: Source, page: Any) -> None:
    conformance.check_mixed_fields(source, page, rounds=2)


def test_the_program_needs_only_the_fields_that_its_source_states(source: Source, page: Any) -> None:
    conformance.check_read_fields(source, page)


def test_facts_survive_a_file(source: Source, page: Any) -> None:
    conformance.check_facts(source, page)


def test_paging_ends(source: Source, page: Any) -> None:
    conformance.check_paging_ends(source, page)


def test_the_audit_agrees_with_the_rules(source: Source, page: Any) -> None:
    conformance.check_audit(source, page)


def test_the_audit_is_independent_of_the_rules(source: Source) -> None:
    conformance.check_independence(source)


def test_explain_finds_raw_records(source: Source, page: Any) -> None:
    conformance.check_explain_commands(source, page)

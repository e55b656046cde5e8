"""Every source there is conforms to the interface."""

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


def test_there_are_sources() -> None:
    assert len(source_names()) > 1


def test_schemas(source: Source) -> None:
    conformance.check_schemas(source)


def test_every_record_gives_one_entry(source: Source, page: Any) -> None:
    conformance.check_entries(source, page)


def test_the_jq_command_gives_what_the_package_gives(source: Source, page: Any) -> None:
    conformance.check_jq_command(source, page)


def test_odd_values_give_valid_models_or_rejected_records(source: Source, page: Any) -> None:
    conformance.check_odd_values(source, page)


def test_paging_ends(source: Source, page: Any) -> None:
    conformance.check_paging_ends(source, page)


def test_the_audit_agrees_with_the_rules(source: Source, page: Any) -> None:
    conformance.check_audit(source, page)


def test_the_audit_is_independent_of_the_rules(source: Source) -> None:
    conformance.check_independence(source)


def test_explain_finds_raw_records(source: Source, page: Any) -> None:
    conformance.check_explain_commands(source, page)

"""Builders of raw streams and manifests, for testing the audit independently of the transform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from etl import pipeline
from etl.config.filters import Filter
from etl.config.options import Axis, Option
from etl.config.source_config import Config, Rate, SourceConfig
from etl.verify.published import Published
from etl.verify.raw_records import model_key
from etl.verify.raw_streams import read_raw_streams
from tests.conftest import TIME, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from etl.verify.raw_records import RawStream
    from etl.verify.raw_streams import RawStreams


def write_page(
    workspace: Workspace, source: str, stream: str, query: str, *records: Any, fetched_at: str = TIME, **ledger: Any
) -> None:
    """Write a stream of one page, requested with a query."""
    workspace.write_stream(source, stream, list(records), asks=parse_qs(query), fetched_at=fetched_at, **ledger)


def option(axis: str, name: str, *values: Any, drops: bool = False, is_default: bool = False, **asks: Any) -> Option:
    included, excluded = (frozenset(), frozenset(values)) if drops else (frozenset(values), frozenset())
    return Option(axis, name, name, axis, asks, included, excluded, None, is_default)


def config_of(source: str, *options: Option, skip: tuple[str, ...] = ()) -> Config:
    """Return a config with a manifest for each option; each option has an axis of its own, with a default."""
    axes = tuple(Axis(option_.name, (option(option_.axis, "all", is_default=True), option_)) for option_ in options)
    filters = tuple(
        Filter(source, "m", tuple(axis.options[axis.options[1] is option_] for axis in axes), 100) for option_ in options
    )
    table = SourceConfig(source, "m", 100, "limit", 10**6, Rate(1, 1, 1), {}, axes, frozenset(skip), filters, 100)
    return Config(100, 100, (table,), "")


def manifest(filter_: Filter, *ids: str) -> bytes:
    models = [{"id": identity, "slug": identity.replace("/", "--"), "name": identity} for identity in ids]
    return json.dumps({"filter": filter_.manifest_filter, "models": models, "timestamp": TIME}).encode()


def published(config: Config, folder: Path, *lists: list[str]) -> Published:
    """Return the published manifests of the filters, with the lists of ids in the same order."""
    content = {
        filter_.file: manifest(filter_, *ids)
        for filter_, ids in zip(config.sources[0].filters, lists, strict=True)
    }  # fmt: skip
    return Published(folder, content, config)


def read_raw(workspace: Workspace, config: Config, *ids: str) -> RawStreams:
    """Read all streams of the source of a config that are on disk; keep the records of these models."""
    (source,) = config.sources
    raw = read_raw_streams(workspace.data, config, pipeline.start_readers, {source.name: {model_key(id_) for id_ in ids}})
    assert raw.streams
    return raw


def read_streams(workspace: Workspace, source: str, *ids: str) -> dict[tuple[str, str], RawStream]:
    """Read all streams of a source that are on disk; keep the records of these models."""
    return read_raw(workspace, config_of(source), *ids).streams

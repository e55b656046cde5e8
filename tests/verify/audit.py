"""Raw streams and hand-written manifests, so that the audit is tested without what the transform makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from etl.config.model import Axis, Config, Filter, Option, Rate, SourceConfig
from etl.storage.ledger import list_streams, read_ledger
from etl.verify.published import Published
from etl.verify.raw_records import read_raw_stream
from tests.conftest import TIME, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from etl.verify.raw_records import RawStream


def put(house: Workspace, source: str, stream: str, query: str, *records: Any, fetched_at: str = TIME, **ledger: Any) -> None:
    """Put a stream of one page that was asked with a query."""
    house.put(source, stream, list(records), asks=parse_qs(query), fetched_at=fetched_at, **ledger)


def option(axis: str, name: str, *values: Any, drops: bool = False, is_default: bool = False, **asks: Any) -> Option:
    return Option(axis, name, name, asks, frozenset(values), drops, is_default)


def filters(source: str, *options: Option, skip: tuple[str, ...] = ()) -> Config:
    """Return filters with one manifest for each option, which is alone in its axis but for a default."""
    axes = tuple(Axis(one.name, (option(one.axis, "all", is_default=True), one)) for one in options)
    made = tuple(
        Filter(source, "m", tuple(axis.options[axis.options[1] is one] for axis in axes)) for one in options
    )  # fmt: skip
    return Config(100, 100, (SourceConfig(source, "m", 100, "limit", 10**6, Rate(1, 1, 1), {}, axes, frozenset(skip), made),))


def manifest(one: Filter, *ids: str) -> bytes:
    models = [{"id": identity, "slug": identity.replace("/", "--"), "name": identity} for identity in ids]
    return json.dumps({"filter": one.manifest_filter, "models": models, "timestamp": TIME}).encode()


def published(chosen: Config, folder: Path, *lists: list[str]) -> Published:
    """Return the manifests of the filters, each of which holds one of the lists of ids."""
    content = {
        one.file: manifest(one, *ids)
        for one, ids in zip(chosen.sources[0].filters, lists, strict=True)
    }  # fmt: skip
    return Published(folder, content, {}, chosen, {})


def read_streams(house: Workspace, source: str) -> dict[tuple[str, str], RawStream]:
    """Return all streams of a source on disk."""
    names = list_streams(house.data, source)
    assert names
    return {(source, name): read_raw_stream(house.data, source, name, read_ledger(house.data, source, name)) for name in names}

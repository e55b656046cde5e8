"""The models and manifests made again from the raw files: the checks that need them, and the little that other checks need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import EtlError
from etl.selection.stored import read_summary
from etl.storage.snapshot import read_dir
from etl.verify import checks
from etl.verify.equality import check_equal_lists
from etl.verify.losses import check_losses
from etl.verify.matching import GreatestUnlisted, Matching
from etl.verify.published import FETCH_AGAIN, Check
from etl.verify.safety import tests_levels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from etl.config.source_config import Config
    from etl.core.layout import DataDir
    from etl.selection.stored import StoredStream, StoredStreams
    from etl.verify.published import Published

    Streams = Mapping[tuple[str, str], StoredStream | None]


class Rebuilt(NamedTuple):
    """What is kept of the models.

    Attributes:
        checks: Those that need the models, or the one that says why they cannot be made.
        inputs: Of each stream, by source and name, what expressions on levels read of models in manifests, by id.
        greatest: What finds the greatest values of the models in no manifest, of streams that manifests with an order of their
            own read, by source and name.
    """

    checks: list[Check]
    inputs: dict[tuple[str, str], dict[str, Mapping[str, Any]]]
    greatest: dict[tuple[str, str], GreatestUnlisted]


def check_rebuilt(
    published: Published, rebuilt: DataDir, rebuild: Callable[[DataDir], Mapping[str, StoredStreams]],
    allowed_losses: Collection[str]
) -> Rebuilt:  # fmt: skip
    """Make the models and manifests in another data folder, and compare; `allowed_losses` are right."""
    config = published.config
    check = Check("rebuild from raw", fix=FETCH_AGAIN)
    streams: Streams = {}
    losses: dict[str, list[dict[str, Any]]] = {}
    value_checks: list[Check] = []
    try:
        stored = rebuild(rebuilt)
        streams = {
            (source.name, stream.name): stored[source.name].get(stream.filters[0])
            for source in config.sources for stream in source.streams
        }  # fmt: skip
        losses = {name: read_summary(rebuilt, name)["losses"] for name in stored}
        value_checks = [checks.check_values(config, stored)]
    except EtlError as error:
        check.code = error.code
        check.problems = str(error).split("\n")
    if not streams:
        return Rebuilt([check], {}, {})
    by_models = [check_losses(losses, allowed_losses), check_equal_lists(published, streams), *value_checks]
    by_models.append(checks.check_rebuild(published, read_dir(rebuilt.manifests)))
    return Rebuilt(by_models, _inputs(published, streams), _greatest(published, config, streams))


def _inputs(published: Published, streams: Streams) -> dict[tuple[str, str], dict[str, Mapping[str, Any]]]:
    inputs: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {key: {} for key, stored in streams.items() if stored}
    for filter_, ids in published.ids_by_filter:
        stored = streams.get((filter_.source, filter_.stream))
        if stored and any(condition.where and tests_levels(condition.where) for condition in filter_.conditions):
            own = ((id_, stored.selection.input_of(id_)) for id_ in ids)
            inputs[filter_.source, filter_.stream].update((id_, model) for id_, model in own if model is not None)
    return inputs


def _greatest(published: Published, config: Config, streams: Streams) -> dict[tuple[str, str], GreatestUnlisted]:
    greatest = {}
    for key, stored in streams.items():
        filters = [filter_ for filter_, _ in published.ids_by_filter if (filter_.source, filter_.stream) == key]
        ordered = [filter_ for filter_ in filters if filter_.order_field]
        if stored and ordered:
            fields = len(config.source(key[0]).order_fields)
            greatest[key] = GreatestUnlisted(Matching(stored.selection, ordered), fields, published.listed[key[0]])
    return greatest

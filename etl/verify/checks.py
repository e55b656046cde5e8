"""One check per function; none stops at the first problem."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from etl.core.layout import ALL_MODELS, INDEX
from etl.selection.doubts import find_doubts, find_nulls
from etl.selection.unmatched import find_unmatched
from etl.storage.json_files import sha256
from etl.verify.published import FETCH_AGAIN, REBUILD, Check, ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.source_config import Config
    from etl.selection.stored import StoredStreams
    from etl.verify.published import Published


def check_index(published: Published) -> Check:
    """index.json lists exactly the files beside it, with their hashes, lengths, counts and times."""
    check = Check("index against files", fix=REBUILD)
    index = published.values.get(INDEX)
    if index is None:
        check.problems.append(f"{published.where(INDEX)}: missing or not valid; rebuild it: make manifests")
        return check
    entries = [(f"$.manifests[{number}]", entry) for number, entry in enumerate(index["manifests"])]
    entries.append(("$.all_models", index["all_models"]))
    check.looked_at = len(entries)
    for path, entry in entries:
        content = published.content.get(entry["file"])
        if content is None:
            check.problems.append(f"{published.where(INDEX, path)}: {entry['file']} not found")
            continue
        expected: dict[str, Any] = {"bytes": len(content), "sha256": sha256(content)}
        if (manifest := published.values.get(entry["file"])) is not None:
            expected |= {"count": len(manifest["models"]), "timestamp": manifest["timestamp"]}
            expected |= {"filter": manifest["filter"]} if "filter" in manifest else {}
        for key, value in expected.items():
            if entry[key] != value:
                where = published.where(INDEX, f"{path}.{key}")
                check.problems.append(f"{where}: says {entry[key]}, but {entry['file']} has {value}")
        check.problems += [f"{published.where(INDEX, path)}.{problem}" for problem in _inconsistencies(entry)]
    files = [entry["file"] for _, entry in entries]
    for file in sorted({file for file in files if files.count(file) > 1}):
        check.problems.append(f"{published.where(INDEX, '$.manifests')}: lists {file} twice")
    for name in sorted(published.content.keys() - {*files, INDEX}):
        check.problems.append(f"{published.where(name)}: is not in {INDEX}")
    return check


def _inconsistencies(entry: dict[str, Any]) -> list[str]:
    """Return what in an entry contradicts itself."""
    problems = []
    if entry.get("count", 0) > entry.get("limit", entry.get("count", 0)):
        problems.append("count: is above the limit")
    if funnel := entry.get("funnel"):
        remaining = funnel["steps"][-1]["left"] if funnel["steps"] else None
        if funnel["published"] != entry["count"] or remaining not in (None, funnel["cut"] + funnel["published"]):
            problems.append("funnel: does not add up to the count")
    return problems


def check_missing(published: Published) -> Check:
    """Every filter has a stream on disk."""
    index = published.values.get(INDEX, {"manifests": [], "missing": []})
    check = Check("filters without a stream", len(index["manifests"]) + len(index["missing"]), fix=FETCH_AGAIN)
    for number, entry in enumerate(index["missing"]):
        reason = f"{entry['reason']}; " if "reason" in entry else ""
        where = published.where(INDEX, f"$.missing[{number}]")
        check.problems.append(f"{where}: {entry['file']} was not published; {reason}{entry['command']}")
    return check


def check_all_models(published: Published) -> Check:
    """all-models.json has every id of a manifest, once, and no other; its counts add up."""
    check = Check("all models against manifests", fix=REBUILD)
    all_models = published.values.get(ALL_MODELS)
    index = published.values.get(INDEX)
    if all_models is None or index is None:
        check.problems.append(f"{published.where(ALL_MODELS)}: it or {INDEX} is missing or not valid; run: make manifests")
        return check
    positions = {(model["source"], model["id"]): number for number, model in enumerate(all_models["models"])}
    in_manifests: set[tuple[str, str]] = set()
    for entry in index["manifests"]:
        if (manifest := published.values.get(entry["file"])) is None:
            continue
        for number, identity in enumerate(ids(manifest)):
            check.looked_at += 1
            in_manifests.add((entry["source"], identity))
            if (entry["source"], identity) not in positions:
                where = published.where(entry["file"], f"$.models[{number}].id")
                check.problems.append(f"{where}: {identity} is not in {ALL_MODELS}")
    for key in sorted(positions.keys() - in_manifests):
        check.problems.append(f"{published.where(ALL_MODELS, f'$.models[{positions[key]}].id')}: {key[1]} is in no manifest")
    if list(positions) != sorted(positions) or len(positions) != len(all_models["models"]):
        check.problems.append(f"{published.where(ALL_MODELS, '$.models')}: is not sorted by source and id, each once")
    counts = {source.name: sum(key[0] == source.name for key in positions) for source in published.config.sources}
    for field, count in {"totalModels": len(positions), **counts}.items():
        if all_models.get(field) != count:
            check.problems.append(f"{published.where(ALL_MODELS, f'$.{field}')}: says {all_models.get(field)}, but has {count}")
    return check


def check_slug_collisions(published: Published) -> Check:
    """No two models of a source have slugs that differ only in case or not at all: a case-insensitive disk would merge them."""
    check = Check("slugs", fix=f"{REBUILD}; if two models still share a slug, add the id of one to skip in filters.toml")
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for number, model in enumerate(published.values.get(ALL_MODELS, {"models": []})["models"]):
        check.looked_at += 1
        same = first.setdefault((model["source"], model["slug"].casefold()), model)
        if same is not model:
            where = published.where(ALL_MODELS, f"$.models[{number}].slug")
            check.problems.append(f"{where}: {model['slug']} is {same['slug']} but for case")
    return check


def check_disjoint_options(published: Published) -> Check:
    """Options of one axis that include no common value have no model in common, if their streams are the same."""
    check = Check("exclusive options", fix=REBUILD)
    for (left, left_ids), (right, right_ids) in itertools.combinations(published.ids_by_filter, 2):
        if (left.source, left.stream) != (right.source, right.stream):
            continue
        pairs = zip(left.options, right.options, strict=True)
        disjoint = next((options for options in pairs if options[0].is_disjoint(options[1])), None)
        if disjoint is None:
            continue
        check.looked_at += 1
        for identity in sorted(set(left_ids) & set(right_ids)):
            where = published.where(right.file, f"$.models[{right_ids.index(identity)}].id")
            either = f"{disjoint[0].axis} is {disjoint[0].name} or {disjoint[1].name}"
            check.problems.append(f"{where}: {identity} is in {left.file} too, but {either}")
    return check


def check_values(config: Config, streams: Mapping[str, StoredStreams]) -> Check:
    """Some model on disk has each value that an option includes or excludes, for fields without a closed list of values.

    Expressions are true for some model, fail on none, and are true for none in which a field that they name is null. No model
    of a manifest lacks the value that orders it.
    Filters whose stream is not on disk are left out. `streams` are those on disk, by source.
    """
    check = Check("values of filters.toml", fix="make values lists the values that models have; correct filters.toml")
    for source in config.sources:
        filters, selections = streams[source.name].stored_filters, streams[source.name].selections()
        count, warnings = find_unmatched(source, filters, selections)
        check.looked_at += count
        expressions = {condition.where for filter_ in filters for condition in filter_.conditions if condition.where}
        check.looked_at += len(expressions)
        check.looked_at += sum(filter_.order_field is not None for filter_ in filters)
        check.warnings += [*warnings, *find_doubts(filters, selections), *find_nulls(filters, streams[source.name])]
    return check


def check_rebuild(published: Published, rebuilt_files: Mapping[str, bytes]) -> Check:
    """The raw files and filters.toml give exactly these bytes."""
    check = Check("rebuild from raw", len(rebuilt_files), fix=REBUILD)
    for name in sorted(published.content.keys() | rebuilt_files.keys()):
        content, rebuilt = published.content.get(name), rebuilt_files.get(name)
        if content == rebuilt:
            continue
        if content is None:
            problem = "is missing"
        elif rebuilt is None:
            problem = "is not made from the raw files and filters.toml"
        else:
            pairs = itertools.zip_longest(content.split(b"\n"), rebuilt.split(b"\n"))
            line = next(number for number, (left, right) in enumerate(pairs, 1) if left != right)
            problem = f"line {line} is not what the raw files give"
        check.problems.append(f"{published.folder / name}: {problem}; rebuild it: make manifests")
    return check

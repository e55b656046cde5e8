"""One check per function; none stops at the first problem."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, Any

from etl.core.layout import ALL_MODELS, INDEX
from etl.selection.unmatched import find_unmatched
from etl.verify.published import Check, ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.model import Config
    from etl.selection.stored import StoredStreams
    from etl.verify.published import Published


def check_index(published: Published) -> Check:
    """index.json names exactly the files beside it, with their hashes, lengths, counts and times."""
    check = Check("index against files")
    told = published.values.get(INDEX)
    if told is None:
        check.problems.append(f"{published.where(INDEX)}: is missing or unsound; make it again: make manifests")
        return check
    entries = [(f"$.manifests[{place}]", entry) for place, entry in enumerate(told["manifests"])]
    entries.append(("$.all_models", told["all_models"]))
    check.looked_at = len(entries)
    for path, entry in entries:
        content = published.content.get(entry["file"])
        if content is None:
            check.problems.append(f"{published.where(INDEX, path)}: {entry['file']} is not there")
            continue
        facts: dict[str, Any] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if (page := published.values.get(entry["file"])) is not None:
            facts |= {"count": len(page["models"]), "timestamp": page["timestamp"]}
            facts |= {"filter": page["filter"]} if "filter" in page else {}
        for key, fact in facts.items():
            if entry[key] != fact:
                check.problems.append(
                    f"{published.where(INDEX, f'{path}.{key}')}: says {entry[key]}, but {entry['file']} has {fact}"
                )
        check.problems += [f"{published.where(INDEX, path)}.{problem}" for problem in _inconsistencies(entry)]
    named = [entry["file"] for _, entry in entries]
    for file in sorted({file for file in named if named.count(file) > 1}):
        check.problems.append(f"{published.where(INDEX, '$.manifests')}: names {file} twice")
    for name in sorted(published.content.keys() - {*named, INDEX}):
        check.problems.append(f"{published.where(name)}: is not in {INDEX}")
    return check


def _inconsistencies(entry: dict[str, Any]) -> list[str]:
    """Return what in an entry contradicts itself."""
    found = []
    if entry.get("count", 0) > entry.get("limit", entry.get("count", 0)):
        found.append("count: is above the limit")
    if way := entry.get("funnel"):
        last = way["steps"][-1]["left"] if way["steps"] else None
        if way["published"] != entry["count"] or last not in (None, way["cut"] + way["published"]):
            found.append("funnel: does not add up to the count")
    return found


def check_missing(published: Published) -> Check:
    """Every filter has a stream on disk."""
    told = published.values.get(INDEX, {"manifests": [], "missing": []})
    check = Check("filters without a stream", len(told["manifests"]) + len(told["missing"]))
    for place, each in enumerate(told["missing"]):
        why = f"{each['reason']}; " if "reason" in each else ""
        where = published.where(INDEX, f"$.missing[{place}]")
        check.problems.append(f"{where}: {each['file']} was not made; {why}{each['command']}")
    return check


def check_all_models(published: Published) -> Check:
    """all-models.json holds every id of a manifest, once, and no other; its counts add up."""
    check = Check("all models against manifests")
    everything = published.values.get(ALL_MODELS)
    told = published.values.get(INDEX)
    if everything is None or told is None:
        check.problems.append(f"{published.where(ALL_MODELS)}: it or {INDEX} is missing or unsound; run: make manifests")
        return check
    places = {(model["source"], model["id"]): place for place, model in enumerate(everything["models"])}
    held: set[tuple[str, str]] = set()
    for entry in told["manifests"]:
        if (page := published.values.get(entry["file"])) is None:
            continue
        for place, identity in enumerate(ids(page)):
            check.looked_at += 1
            held.add((entry["source"], identity))
            if (entry["source"], identity) not in places:
                check.problems.append(
                    f"{published.where(entry['file'], f'$.models[{place}].id')}: {identity} is not in {ALL_MODELS}"
                )
    for at in sorted(places.keys() - held):
        check.problems.append(f"{published.where(ALL_MODELS, f'$.models[{places[at]}].id')}: {at[1]} is in no manifest")
    if list(places) != sorted(places) or len(places) != len(everything["models"]):
        check.problems.append(f"{published.where(ALL_MODELS, '$.models')}: is not sorted by source and id, each once")
    counts = {source.name: sum(at[0] == source.name for at in places) for source in published.config.sources}
    for key, count in {"totalModels": len(places), **counts}.items():
        if everything.get(key) != count:
            check.problems.append(f"{published.where(ALL_MODELS, f'$.{key}')}: says {everything.get(key)}, but holds {count}")
    return check


def check_slug_collisions(published: Published) -> Check:
    """No two models of a source have slugs that differ only in case or not at all: a case-blind disk would merge them."""
    check = Check("slugs")
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for place, model in enumerate(published.values.get(ALL_MODELS, {"models": []})["models"]):
        check.looked_at += 1
        other = first.setdefault((model["source"], model["slug"].casefold()), model)
        if other is not model:
            check.problems.append(
                f"{published.where(ALL_MODELS, f'$.models[{place}].slug')}: {model['slug']} is {other['slug']} but for case"
            )
    return check


def check_disjoint_options(published: Published) -> Check:
    """Options of one axis that keep no value in common share no model, where their streams are the same."""
    check = Check("exclusive options")
    for (one, ones), (other, others) in itertools.combinations(published.known, 2):
        if (one.source, one.stream) != (other.source, other.stream):
            continue
        apart = next((axis for axis in zip(one.options, other.options, strict=True) if axis[0].is_disjoint(axis[1])), None)
        if apart is None:
            continue
        check.looked_at += 1
        for identity in sorted(set(ones) & set(others)):
            place = others.index(identity)
            check.problems.append(
                f"{published.where(other.file, f'$.models[{place}].id')}: {identity} is in {one.file} too, but "
                f"{apart[0].axis} is {apart[0].name} or {apart[1].name}"
            )
    return check


def check_values(config: Config, streams: Mapping[str, StoredStreams]) -> Check:
    """Some model on disk has each value that an option keeps or drops, of fields without a closed list of values.

    `streams` are those on disk, by source.
    """
    check = Check("values of filters.toml")
    for source in config.sources:
        count, warnings = find_unmatched(source, source.filters, streams[source.name].selections())
        check.looked_at += count
        check.warnings += warnings
    return check


def check_rebuild(published: Published) -> Check:
    """The raw files and filters.toml give exactly these bytes."""
    check = Check("rebuild from raw", len(published.rebuilt))
    for name in sorted(published.content.keys() | published.rebuilt.keys()):
        there, again = published.content.get(name), published.rebuilt.get(name)
        if there == again:
            continue
        if there is None:
            reason = "is missing"
        elif again is None:
            reason = "is not made from the raw files and filters.toml"
        else:
            line = next(
                (n for n, (a, b) in enumerate(itertools.zip_longest(there.split(b"\n"), again.split(b"\n")), 1) if a != b)
            )
            reason = f"line {line} is not what the raw files give"
        check.problems.append(f"{published.folder / name}: {reason}; make it again: make manifests")
    return check

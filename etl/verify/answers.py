"""Checks of what the APIs answered, and of what was published of it; read from the raw pages, without the models."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from etl.verify.published import Check
from etl.verify.said import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.verify.published import Published
    from etl.verify.said import Said, SaidStream

_DRIFT = 0.05  # share of a counter by which it may have moved while a stream was read, and of neighbours out of order


def raw(streams: Sequence[SaidStream]) -> Check:
    """Every page of raw answers is the one that its ledger names: same hash, length and number of records."""
    check = Check("raw pages against ledgers")
    for stream in streams:
        for place, page in enumerate(stream.pages):
            check.looked_at += 1
            told = page.told
            if (page.bytes, page.sha256) != (told.bytes, told.sha256):
                problem = f"{told.file} has another hash or length"
            elif page.records != told.records:
                problem = f"{told.file} has {page.records} records and not {told.records}"
            else:
                continue
            check.problems.append(f"{stream.where}: $.pages[{place}]: {problem}; ask again")
    return check


def safety(published: Published, streams: Mapping[tuple[str, str], SaidStream]) -> Check:
    """No manifest has a model that must not be published, or that its own records call less safe than the page is.

    Of a model that came several times each record counts. What the API itself should have left out is counted.
    """
    check = Check("levels and flags, read again")
    for each, held in published.known:
        if (stream := streams.get((each.source, each.stream))) is None:
            continue
        keeps = next((option.values for option in each.options if option.axis == "level" and option.values), None)
        places = {identity: place for place, identity in enumerate(held)}
        check.looked_at += len(held)
        for said in stream.said:
            if (place := places.get(said.id)) is None:
                continue
            where = published.where(each.file, f"$.models[{place}]")
            if said.barred:
                check.problems.append(f"{where}: {said.id} is {said.barred}, see {said.where}")
            elif keeps is not None and said.level not in keeps:
                check.problems.append(f"{where}: {said.id} is {said.level}, see {said.where}")
    for stream in streams.values():
        let_through = Counter(said.barred for said in stream.said if said.barred)
        if stream.source == "civitai" and stream.asked.get("nsfw") != ["true"]:
            let_through["above pg"] = sum(said.level != LEVELS[0] for said in stream.said)
        told = ", ".join(f"{count} {why}" for why, count in let_through.items() if count)
        check.notes += [f"{stream.source}/{stream.name}: the API's own filter let through {told}"] if told else []
    return check


def asked(streams: Sequence[SaidStream]) -> Check:
    """The APIs honoured what they were asked: types, base models, and the order, but for counters that moved meanwhile."""
    check = Check("answers against requests")
    for stream in streams:
        records = stream.said
        check.looked_at += len(records)
        strangers = [said for said in records if _is_stranger(said, stream.asked)]
        if 2 * len(strangers) > len(records):
            told = f"{len(strangers)} of {len(records)} records are not what was asked, the first at {strangers[0].where}"
            check.problems.append(f"{stream.where}: {told}; the source ignores an option")
        elif strangers:
            check.notes.append(f"{stream.source}/{stream.name}: {len(strangers)} records were not asked for and are on no page")
        ranked = [said for said in records if said.rank is not None]
        behind = [after for before, after in pairwise(ranked) if _is_before(after, before)]
        if len(behind) > _DRIFT * len(ranked):
            told = f"{len(behind)} of {len(ranked)} records stand behind lesser ones, the first at {behind[0].where}"
            check.problems.append(f"{stream.where}: {told}; the source ignores the order {stream.asked['sort'][0]}")
    return check


def _is_stranger(said: Said, parameters: Mapping[str, list[str]]) -> bool:
    types, bases = parameters.get("types"), parameters.get("baseModels")
    return (types is not None and said.type not in types) or (bases is not None and said.bases.isdisjoint(bases))


def _is_before(said: Said, other: Said) -> bool:
    """Tell whether a record belongs before another, beyond what a counter may have moved."""
    if isinstance(said.rank, str) or isinstance(other.rank, str):
        return str(said.rank) > str(other.rank)
    return (said.rank or 0) > (other.rank or 0) * (1 + _DRIFT) + 1

"""Commercial use of what was published, by a second reading of the raw records of models and of what they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etl.core.ids import digest
from etl.sources.source import get_source
from etl.verify.published import REBUILD, Check
from etl.verify.raw_records import model_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.config.filters import Filter
    from etl.config.options import Option
    from etl.sources.source import StatedUse
    from etl.verify.published import Published
    from etl.verify.raw_records import RawRecord
    from etl.verify.raw_streams import RawStreams

    Uses = dict[str, list[StatedUse]]  # what the records of a model say, by `model_key`; at least one

_FIELD = "commercial"
_ALLOWED, _OTHERS = frozenset(("yes", "conditions")), frozenset(("no", "unknown"))
_BY_STRICTNESS = ("no", "conditions", "yes")
_MAX_NAMED = 5  # conflicts in a note


class _Ban(NamedTuple):
    """The model that forbids commercial use of another, or of itself, and why."""

    id: str
    reason: str


def check_use(published: Published, raw: RawStreams) -> Check:
    """No model of a manifest that requires commercial use forbids it, nor does anything that it was made of.

    A model forbids it if all its records do: those in the stream of the manifest, and for what was made of it those in all
    streams, whose records may be of different times. The notes name models that state freer terms than what they were made of.

    Beside the listed models and those that they were made of, nothing is in memory.
    """
    check = Check("commercial use, read again", fix=REBUILD)
    by_source: dict[str, list[tuple[Filter, list[str]]]] = {}
    for filter_, ids in published.ids_by_filter:
        if any(map(_requires_use, filter_.options)):
            by_source.setdefault(filter_.source, []).append((filter_, ids))
    for source, manifests in by_source.items():
        uses = _read_uses(raw, source, published.listed[source])
        bans = _find_bans(uses)
        for filter_, ids in manifests:
            stream = raw.streams.get((source, filter_.stream))
            check.looked_at += len(ids)
            for index, identity in enumerate(ids):
                records = stream.records_of(model_key(identity)) if stream else ()
                if ban := _ban_of([record.use for record in records if record.use], identity, uses, bans):
                    where = published.where(filter_.file, f"$.models[{index}]")
                    check.problems.append(
                        f"{where}: {identity} must not be used commercially: {ban.reason} of {ban.id}, see {records[0].where}"
                    )
        conflicts = [f"{id_} of {base}" for id_, base in _conflicts(uses, published.listed[source])]
        if conflicts:
            more = f" and {len(conflicts) - _MAX_NAMED} more" if len(conflicts) > _MAX_NAMED else ""
            named = ", ".join(conflicts[:_MAX_NAMED]) + more
            check.notes.append(f"{source}: {len(conflicts)} models state freer terms than what they were made of: {named}")
    return check


def _requires_use(option: Option) -> bool:
    """Return whether an option keeps only what may be used commercially, with conditions or without, or drops all else."""
    return option.field == _FIELD and (_ALLOWED.issuperset(option.includes) if option.includes else option.excludes >= _OTHERS)


def _read_uses(raw: RawStreams, source: str, listed: Iterable[str]) -> Uses:
    """Return what the records of listed models and of all that these were made of say, read as far as the chains go."""
    missing_use = get_source(source).load_audit().missing_use
    uses: Uses = {}
    by_stream: Mapping[str, Mapping[str, Sequence[RawRecord]]] = {stream.name: stream.records for stream in raw.of_source(source)}
    names = {key: key for key in listed}
    while names:
        for key, name in names.items():
            records = (record for by_key in by_stream.values() for record in by_key.get(key, ()))
            uses[key] = [record.use for record in records if record.use] or [missing_use(name)]
        bases = (base for key in names for use in uses[key] for base in use.bases)
        names = {key: base for base in bases if (key := model_key(base)) not in uses}
        by_stream = raw.records_of(source, {digest(key) for key in names})
    return uses


def _find_bans(uses: Uses) -> dict[str, _Ban]:
    """Return what forbids commercial use, by `model_key`: in as many rounds as the longest chain has links."""
    bans: dict[str, _Ban] = {}
    is_new = True
    while is_new:
        is_new = False
        for key, own in uses.items():
            if key not in bans and (ban := _ban_of(own, key, uses, bans)):
                bans[key] = ban
                is_new = True
    return bans


def _ban_of(records: Sequence[StatedUse], identity: str, uses: Uses, bans: Mapping[str, _Ban]) -> _Ban | None:
    """Return what forbids commercial use in the records of a model; None unless each of them, or a base of it, does."""
    result = []
    for use in records:
        of_bases = (bans[base] for base in _chain_bases(use, uses) if base in bans)
        result.append(_Ban(identity, use.reason) if use.commercial == "no" else next(of_bases, None))
    return result[0] if result and all(result) else None


def _chain_bases(use: StatedUse, uses: Uses) -> Iterator[str]:
    """Yield the bases whose terms count for a record: not the owner's own, unless they were made of someone else's model."""
    for base in map(model_key, use.bases):
        if not use.owner or _owner(base) != use.owner or _is_made_of_others(base, use.owner, uses):
            yield base


def _is_made_of_others(identity: str, owner: str, uses: Uses) -> bool:
    """Return whether all records of a model, or of an own one that it was made of, name a base of another owner."""
    seen, pending = {identity}, [identity]
    for key in pending:
        of_records = [{*map(model_key, use.bases)} for use in uses.get(key, ())]
        if of_records and all(any(_owner(base) != owner for base in bases) for bases in of_records):
            return True
        further = set[str]().union(*of_records) - seen
        seen |= further
        pending += [base for base in further if _owner(base) == owner]
    return False


def _owner(key: str) -> str:
    return key.rpartition("/")[0]


def _conflicts(uses: Uses, listed: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the listed models whose first record states freer terms than one of those that it was made of, with that one."""
    for key in sorted(listed):
        own = uses[key][0].commercial
        seen, pending = {key}, [key]
        for model in pending:
            bases = [base for base in _chain_bases(uses[model][0], uses) if base not in seen]
            seen.update(bases)
            pending += bases
        terms = {base: uses[base][0].commercial for base in pending[1:] if uses[base][0].commercial in _BY_STRICTNESS}
        stricter = [base for base, commercial in terms.items() if own in _BY_STRICTNESS[_BY_STRICTNESS.index(commercial) + 1 :]]
        if stricter:
            yield key, stricter[0]

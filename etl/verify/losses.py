"""An alarm: if one reason costs much of a source, the source changed or a rule is wrong."""

from __future__ import annotations

import difflib
import shlex
from typing import TYPE_CHECKING, Any

from etl.config.lookup import did_you_mean
from etl.core.errors import UsageError
from etl.core.schemas import load_schema
from etl.core.text import MIN_SIMILARITY
from etl.sources.source import get_source
from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from etl.config.source_config import Config

FAILS_ABOVE = 0.10  # of the distinct ids of a source, or of a stream
WARNS_FROM = 0.03
MIN_IDS = 20  # below which a share tells nothing
_FIX = "make values lists the fields that models have; allow a loss that is right with ALLOW_REJECTED"


def check_losses(losses: Mapping[str, Sequence[Mapping[str, Any]]], allowed: Collection[str]) -> Check:
    """No reason costs more than a tenth of the models of a source or a stream, and no field is dropped from as many.

    `losses` has the rows of each source's summary; `allowed` the losses that are right, as `source/reason` or `source/field`.
    """
    check = Check("rejected records and dropped fields", fix=_FIX)
    for source, rows in losses.items():
        for row in rows:
            check.looked_at += 1
            share = row["ids"] / row["of"]
            if row["of"] < MIN_IDS or share < WARNS_FROM:
                continue
            name = f"{source}/{row['reason']}"
            where = f"{source}/{row['stream']}" if row["stream"] else source
            what = f"rejected: {row['reason']}" if row["what"] == "rejected" else f"without {row['reason']}, which was dropped"
            first = f"{source}:{row['first']}"
            message = f"{where}: {row['ids']} of {row['of']} models ({share:.1%}) are {what}, such as {first}"
            if name in allowed:
                check.notes.append(f"{message}; allowed")
            elif share > FAILS_ABOVE:
                target = shlex.quote(f"{source}:{row['first']}")
                see = "" if row["reason"] == "id" else f"see make explain FILTER={target}, or "
                advice = f"has the source changed? {see}allow it: ALLOW_REJECTED={name}, --allow-rejected {name}"
                check.problems.append(f"{message}; {advice}")
            else:
                check.warnings.append(message)
    return check


def parse_allowed(names: Iterable[str], config: Config) -> frozenset[str]:
    """Return the losses that are allowed.

    Raises:
        UsageError: one is not `source/reason` or `source/field`.
    """
    valid_names = set()
    for source in config.sources:
        fields = load_schema(f"{source.name}/model").schema["properties"]
        valid_names |= {f"{source.name}/{word}" for word in (*get_source(source.name).never_published, "id", "type", *fields)}
    allowed = frozenset(names)
    for name in sorted(allowed - valid_names):
        near = did_you_mean(difflib.get_close_matches(name, sorted(valid_names), 3, MIN_SIMILARITY))
        raise UsageError(f"--allow-rejected {name}: not a reason or a field of a source, such as civitai/poi{near}")
    return allowed

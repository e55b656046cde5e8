"""How often a size is right: `make sizes` prints the table of docs/sizes.md and fails when a figure is below its floor.

tests/support/sizes.ndjson holds models whose parameters are known, with what the list API would say of them: public figures as of
2026-10. Their `safetensors` and `gguf` were constructed of counts that third parties read from the API.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from etl.core.layout import PROJECT
from etl.sources.huggingface.rules import size_evidence
from etl.sources.huggingface.size import SizeEstimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etl.sources.huggingface.evidence import SizeEstimate, SizeEvidence

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (PROJECT / "tests" / "support" / "sizes.ndjson").read_text(encoding="utf-8").splitlines()
]
# The least share that is right of what can be known, and the largest that is wrong of all, in percent.
FLOORS = {"all fields": (99.9, 0.0), "names and tags": (99.6, 0.4)}


def evidence(row: dict[str, Any], *, counts: bool = True) -> SizeEvidence:
    """Return what the list API says of a row, with or without its counts."""
    stored, gguf = (row.get(key, {}) if counts else {} for key in ("safetensors", "gguf"))
    name = row["id"].rpartition("/")[2]
    parts, total = stored.get("parameters", {}), stored.get("total")
    return size_evidence(name, row["tags"], parts, total, gguf.get("total"), gguf.get("architecture"))


def decided(*, counts: bool = True) -> dict[str, SizeEstimate]:
    """Return the verdict of each row, made as the transform makes it: those of counted models help their derivatives."""
    seen = {row["id"]: evidence(row, counts=counts) for row in ROWS}
    first = {each: SizeEstimator().estimate(told) for each, told in seen.items()}
    known = {
        each: told.parameters or 0 for each, told in first.items() if told.size_from == "safetensors" and not told.size_against
    }
    return {each: SizeEstimator(base_counts=known).estimate(told) for each, told in seen.items()}


def replaced_rule(row: dict[str, Any]) -> str:
    """Return a class as the script that this project replaces did.

    It is not at hand: this is what is told of it, words of size first, then the first number with b or m whatever the unit.
    """
    name = row["id"].rpartition("/")[2].lower()
    if word := re.search(r"small|medium|large", name):
        return word[0]
    number = re.search(r"(\d+(?:\.\d+)?)[bm]", name)
    if number is None:
        return "unknown"
    return "small" if float(number[1]) < 7 else "medium" if float(number[1]) <= 13 else "large"


def score(size_of: Callable[[dict[str, Any]], str], rows: Iterable[dict[str, Any]], knowable: str) -> Counter[str]:
    """Count the right, missed and wrong classes, and the knowable rows; adapters and draft heads may be unknown."""
    count: Counter[str] = Counter()
    for row in rows:
        size, truth = size_of(row), row["size"]
        is_knowable = row[knowable] and truth != "unknown"
        is_excused = size == "unknown" and row["kind"] in ("adapter", "draft")
        count["rows"] += 1
        count["knowable"] += is_knowable and not is_excused
        count["right"] += is_knowable and size == truth
        count["wrong"] += size not in ("unknown", truth)
    return count


def table() -> tuple[list[str], dict[str, tuple[float, float]]]:
    """Return the lines of the table, and of each way the percentages right and wrong of all rows."""
    all_fields, names = decided(), decided(counts=False)
    ways: list[tuple[str, Callable[[dict[str, Any]], str], str]] = [
        ("all fields", lambda row: all_fields[row["id"]].size, "knowable"),
        ("names and tags", lambda row: names[row["id"]].size, "knowable_from_name"),
        ("the replaced script", replaced_rule, "knowable"),
    ]
    lines = [
        "| kind | models | " + " | ".join(f"{way}: right of knowable | wrong of all" for way, *_ in ways) + " |",
        "| --- |" + " ---: |" * (1 + 2 * len(ways)),
    ]
    total = {}
    for kind in [*sorted({row["kind"] for row in ROWS}), "all"]:
        rows = [row for row in ROWS if kind in (row["kind"], "all")]
        cells = []
        for way, size_of, knowable in ways:
            count = score(size_of, rows, knowable)
            right = 100 * count["right"] / count["knowable"] if count["knowable"] else None
            wrong = 100 * count["wrong"] / count["rows"]
            cells += ["none" if right is None else f"{right:.1f} %", f"{wrong:.1f} %"]
            if kind == "all":
                total[way] = (right or 0.0, wrong)
        lines.append(f"| {kind} | {len(rows)} | {' | '.join(cells)} |")
    return lines, total


def main() -> int:
    """Print the table; return 1 when a figure is below its floor."""
    lines, total = table()
    print("\n".join(lines))
    bad = [way for way, (right, wrong) in FLOORS.items() if total[way][0] < right or total[way][1] > wrong]
    for way in bad:
        print(f"{way}: {total[way][0]:.2f} % right, {total[way][1]:.2f} % wrong; the floor is {FLOORS[way]}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

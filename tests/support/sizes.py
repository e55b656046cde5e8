"""The accuracy of the size estimates: `make sizes` prints the table of docs/sizes.md and fails if a figure is out of bounds.

tests/support/sizes.ndjson has models of known parameter counts with their fields in the list API: public figures as of 2026-10.
`safetensors` and `gguf` were constructed from counts that third parties read from the API.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from etl.core.layout import PROJECT
from etl.sources.huggingface.rules import read_size_evidence
from etl.sources.huggingface.size import SizeEstimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etl.sources.huggingface.evidence import SizeEstimate, SizeEvidence

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (PROJECT / "tests" / "support" / "sizes.ndjson").read_text(encoding="utf-8").splitlines()
]
# The minimum percentage of correct sizes among knowable ones, and the maximum percentage of wrong sizes among all.
BOUNDS = {"all fields": (99.9, 0.0), "names and tags": (99.6, 0.4)}


def evidence(row: dict[str, Any], *, counts: bool = True) -> SizeEvidence:
    """Return the evidence in the list API's fields of a row, with or without its counts."""
    safetensors, gguf = (row.get(key) if counts else None for key in ("safetensors", "gguf"))
    return read_size_evidence(row["id"].rpartition("/")[2], row["tags"], safetensors, gguf)[0]


def estimates(*, counts: bool = True) -> dict[str, SizeEstimate]:
    """Return the estimate of each row in two passes, as the transform does: counts of base models help their derivatives."""
    evidence_of = {row["id"]: evidence(row, counts=counts) for row in ROWS}
    first_pass = {identity: SizeEstimator().estimate(item) for identity, item in evidence_of.items()}
    base_counts = {
        identity: estimate.parameters or 0
        for identity, estimate in first_pass.items()
        if estimate.size_from == "safetensors" and not estimate.size_against
    }
    return {identity: SizeEstimator(base_counts=base_counts).estimate(item) for identity, item in evidence_of.items()}


def replaced_rule(row: dict[str, Any]) -> str:
    """Return the size class that the replaced script would give a row.

    The script is not available. As described, it took a size word first, then the first number before b or m, whatever the unit.
    """
    name = row["id"].rpartition("/")[2].lower()
    if word := re.search(r"small|medium|large", name):
        return word[0]
    number = re.search(r"(\d+(?:\.\d+)?)[bm]", name)
    if number is None:
        return "unknown"
    return "small" if float(number[1]) < 7 else "medium" if float(number[1]) <= 13 else "large"


def score(size_of: Callable[[dict[str, Any]], str], rows: Iterable[dict[str, Any]], knowable: str) -> Counter[str]:
    """Count the rows, the knowable ones, and the right and wrong classes; adapters and draft heads may be unknown."""
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
    """Return the lines of the table, and the percentages of right and wrong classes of each method over all rows."""
    all_fields, names = estimates(), estimates(counts=False)
    methods: list[tuple[str, Callable[[dict[str, Any]], str], str]] = [
        ("all fields", lambda row: all_fields[row["id"]].size, "knowable"),
        ("names and tags", lambda row: names[row["id"]].size, "knowable_from_name"),
        ("the replaced script", replaced_rule, "knowable"),
    ]
    lines = [
        "| kind | models | " + " | ".join(f"{method}: right of knowable | wrong of all" for method, *_ in methods) + " |",
        "| --- |" + " ---: |" * (1 + 2 * len(methods)),
    ]
    total = {}
    for kind in [*sorted({row["kind"] for row in ROWS}), "all"]:
        rows = [row for row in ROWS if kind in (row["kind"], "all")]
        cells = []
        for method, size_of, knowable in methods:
            count = score(size_of, rows, knowable)
            right = 100 * count["right"] / count["knowable"] if count["knowable"] else None
            wrong = 100 * count["wrong"] / count["rows"]
            cells += ["none" if right is None else f"{right:.1f} %", f"{wrong:.1f} %"]
            if kind == "all":
                total[method] = (right or 0.0, wrong)
        lines.append(f"| {kind} | {len(rows)} | {' | '.join(cells)} |")
    return lines, total


def main() -> int:
    """Print the table; return 1 if a figure is out of bounds."""
    lines, total = table()
    print("\n".join(lines))
    bad = [method for method, (right, wrong) in BOUNDS.items() if total[method][0] < right or total[method][1] > wrong]
    for method in bad:
        right, wrong = total[method]
        at_least, at_most = BOUNDS[method]
        print(
            f"{method}: {right:.2f} % right, {wrong:.2f} % wrong (expected at least {at_least} % and at most {at_most} %)",
            file=sys.stderr,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

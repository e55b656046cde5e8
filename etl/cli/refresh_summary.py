"""The last line of a refresh: how many manifests are current, stale or missing and why, and the exit code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.core.errors import EtlError
from etl.core.text import sanitize
from etl.storage.ledger import read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.core.layout import DataDir
    from etl.verify.published import Check

_MAX_REASON_CHARS = 160


@dataclass
class RefreshSummary:
    """The results of the steps so far.

    Attributes:
        errors: The first line of each error that stopped a step.
        failed: Why fetching a stream failed, by `source/stream`.
        index: index.json as this run published it; None before that.
        checks: The checks of verify; None before it has finished.
    """

    errors: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    index: Mapping[str, Any] | None = None
    checks: Sequence[Check] | None = None

    def publish(self, data: DataDir, index: Mapping[str, Any]) -> None:
        """Record what was published, and why its stale streams failed, in this run or an earlier one."""
        self.index = index
        for entry in index["manifests"]:
            if entry["stale"]:
                with suppress(EtlError):
                    self.failed.setdefault(_stream(entry), read_ledger(data, entry["source"], entry["stream"]).failed or "")

    def line(self, code: int) -> str:
        """Return the line, without a line feed; remote text in it is sanitized."""
        parts = [self._published(), *dict.fromkeys(sanitize(error, _MAX_REASON_CHARS) for error in self.errors), self._verified()]
        return f"refresh: {'; '.join(parts)}; exit code {code}"

    def _published(self) -> str:
        if self.index is None:
            return f"nothing published, existing manifests unchanged{_reasons(self.failed)}"
        stale = [entry for entry in self.index["manifests"] if entry["stale"]]
        missing = self.index["missing"]
        count = len(self.index["manifests"]) + len(missing)
        parts = [f"{count - len(stale) - len(missing)} of {count} manifests current"]
        if stale:
            reasons = {_stream(entry): self.failed.get(_stream(entry), "") for entry in stale}
            parts.append(f"{len(stale)} stale{_reasons(reasons)}")
        if missing:
            reasons = {_stream(entry): self.failed.get(_stream(entry), entry["reason"]) for entry in missing}
            parts.append(f"{len(missing)} missing{_reasons(reasons)}")
        return ", ".join(parts)

    def _verified(self) -> str:
        if self.checks is None:
            return "verify: not finished"
        failed = [check.name for check in self.checks if check.problems]
        return f"verify: {len(self.checks)} checks, {len(failed)} failed" + (f" ({', '.join(failed)})" if failed else "")


def _stream(entry: Mapping[str, Any]) -> str:
    return f"{entry['source']}/{entry['stream']}"


def _reasons(reasons: Mapping[str, str]) -> str:
    """Return the streams by reason: ` (civitai/month, civitai/week: no connection)`; empty without any."""
    by_reason: dict[str, list[str]] = {}
    for stream, reason in reasons.items():
        by_reason.setdefault(sanitize(reason, _MAX_REASON_CHARS), []).append(stream)
    parts = (f"{', '.join(streams)}: {reason}" if reason else ", ".join(streams) for reason, streams in by_reason.items())
    return f" ({'; '.join(parts)})" if by_reason else ""

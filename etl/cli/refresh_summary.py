"""What a refresh came to, in a line: what is good, what is stale or missing and why, and the exit code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.core.errors import EtlError
from etl.core.text import sanitize
from etl.storage.ledger import read_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.core.layout import DataDir
    from etl.verify.published import Check

_MOST = 160  # characters of a reason


@dataclass
class RefreshSummary:
    """What the steps of a run did so far.

    Attributes:
        errors: The first lines of what stopped a step.
        failed: Why reading a stream failed, by `source/stream`.
        index: index.json as this run published it; None as long as it did not.
        checks: The checks of verify; None as long as it did not end.
    """

    errors: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    index: Mapping[str, Any] | None = None
    checks: Sequence[Check] | None = None

    def publish(self, data: DataDir, index: Mapping[str, Any]) -> None:
        """Take in what was published, with the reasons why its stale streams failed, also in earlier runs."""
        self.index = index
        for entry in index["manifests"]:
            if entry["stale"]:
                with suppress(EtlError):
                    self.failed.setdefault(_stream(entry), read_ledger(data, entry["source"], entry["stream"]).failed or "")

    def line(self, code: int) -> str:
        """Return the line, without a line feed; remote words in it are inert."""
        parts = [self._published(), *dict.fromkeys(sanitize(error, _MOST) for error in self.errors), self._verified()]
        return f"refresh: {'; '.join(parts)}; exit code {code}"

    def _published(self) -> str:
        if self.index is None:
            return f"nothing published, what was there stays{_because(self.failed)}"
        stale = [entry for entry in self.index["manifests"] if entry["stale"]]
        missing = self.index["missing"]
        count = len(self.index["manifests"]) + len(missing)
        parts = [f"{count - len(stale) - len(missing)} of {count} manifests current"]
        if stale:
            parts.append(f"{len(stale)} stale{_because({_stream(each): self.failed.get(_stream(each), '') for each in stale})}")
        if missing:
            why = {_stream(each): self.failed.get(_stream(each), each["reason"]) for each in missing}
            parts.append(f"{len(missing)} missing{_because(why)}")
        return ", ".join(parts)

    def _verified(self) -> str:
        if self.checks is None:
            return "verify: not finished"
        bad = [check.name for check in self.checks if check.problems]
        return f"verify: {len(self.checks)} checks, {len(bad)} failed" + (f" ({', '.join(bad)})" if bad else "")


def _stream(entry: Mapping[str, Any]) -> str:
    return f"{entry['source']}/{entry['stream']}"


def _because(reasons: Mapping[str, str]) -> str:
    """Return the streams and why, those with one reason together: ` (civitai/month, civitai/week: no connection)`."""
    by: dict[str, list[str]] = {}
    for stream, reason in reasons.items():
        by.setdefault(sanitize(reason, _MOST), []).append(stream)
    told: Iterable[str] = (f"{', '.join(streams)}: {why}" if why else ", ".join(streams) for why, streams in by.items())
    return f" ({'; '.join(told)})" if by else ""

"""The outcome of each page of the last transform, so that a page is transformed again only if it or the program changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.errors import EtlError
from etl.storage.json_files import read_bytes, sha256, write_atomic
from etl.transform.losses import PageLosses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.storage.ledger import PageEntry


class PageCache:
    """The outcomes in a file, as far as the same program made them; its folder ignores itself in git.

    The first line is a hash of the program and the rest, so that a file that was edited or truncated is ignored.
    """

    def __init__(self, path: Path, program: str) -> None:
        self._path, self._program = path, program
        self._pages: Mapping[str, dict[str, Any]] = {}
        with suppress(EtlError):  # absent
            checksum, _, content = read_bytes(path).partition(b"\n")
            if checksum == self._checksum(content):
                self._pages = orjson.loads(content)

    def get(self, key: tuple[str, str], entry: PageEntry, raw: Path, models: Path) -> dict[str, Any] | None:
        """Return the outcome of a page, by stream and file, if its raw body and its models on disk are those of the outcome."""
        outcome = self._pages.get("/".join(key))
        try:
            if (
                not outcome
                or outcome["body"] != sha256(read_bytes(raw))
                or outcome["row"]["sha256"] != sha256(read_bytes(models))
            ):
                return None
            row = {**outcome["row"], "raw_sha256": entry.sha256}
            return {**outcome, "row": row, "losses": PageLosses(**outcome["losses"])}
        except EtlError:  # a file is missing
            return None

    def write(self, outcomes: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        """Write the outcomes of a transform.

        Raises:
            StorageError: they cannot be written.
        """
        pages = {"/".join(key): outcome for key, outcome in outcomes.items()}
        content = orjson.dumps(pages, option=orjson.OPT_NON_STR_KEYS)
        write_atomic(self._path.with_name(".gitignore"), b"*\n")
        write_atomic(self._path, self._checksum(content) + b"\n" + content)

    def _checksum(self, content: bytes) -> bytes:
        return sha256(self._program.encode() + content).encode()

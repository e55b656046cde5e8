"""The folder that clients download from: new files first, entry.json last; files of old publications are removed later."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.errors import InvalidDataError, StorageError, describe_os_error
from etl.core.schemas import load_schema
from etl.publish.files import dump_minified, hashed_name, validate
from etl.storage.json_files import read_bytes, sha256, write_atomic
from etl.storage.swap import sync

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ENTRY = "entry.json"
MAX_PREVIOUS = 10
_OURS = re.compile(
    r"(?:(?:entry|index|models|search|changes|pages/[a-z0-9-]+|models/(?:all|[0-9a-f]+)|changes/set)\.[0-9a-f]{16}\.json"
    r"|entry\.[0-9a-f]{16}\.jws|tables/(?:catalogue\.[0-9a-f]{16}\.sqlite|models\.[0-9a-f]{16}\.parquet))"
)
_PARTIAL = re.compile(r"(?<![^/])\.([^/]+)\.partial$")  # what an interrupted run left of a file
_FOLDERS = ("", "pages", "models", "changes", "tables")


@dataclass(frozen=True)
class Publication:
    """An entry, and its bytes as clients download them."""

    value: Mapping[str, Any]
    content: bytes

    @property
    def name(self) -> str:
        """The name of the copy that stays when the next entry replaces entry.json."""
        return hashed_name("entry", self.content, "json")

    @property
    def signature_name(self) -> str:
        """The name of the signature of the entry: the hash in it is that of the entry."""
        return hashed_name("entry", self.content, "jws")


class Store:
    """The folder of one version of the published files, `v1` of a site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._intact: dict[str, bool] = {}

    def current(self) -> Publication | None:
        """Return the publication that entry.json names; None without one.

        Raises:
            InvalidDataError: entry.json is not an entry.
            StorageError: it cannot be read.
        """
        path = self.folder / ENTRY
        if not path.exists():
            return None
        if publication := _parse(read_bytes(path)):
            return publication
        raise InvalidDataError(f"{path}: is not an entry of a published catalogue; restore it, or name another folder: SITE=")

    def read(self, name: str) -> Any:
        """Return the value of a JSON file of an earlier publication; None if it is absent or is not what its name says."""
        path = self.folder / name
        content = path.read_bytes() if path.is_file() else b""
        return orjson.loads(content) if sha256(content)[:16] == name.split(".")[-2] else None

    def signature(self, publication: Publication) -> bytes | None:
        """Return the signature of a publication; None if it has none."""
        path = self.folder / publication.signature_name
        return path.read_bytes() if path.is_file() else None

    def write(self, files: Mapping[str, bytes]) -> int:
        """Write the files that are not there yet, and flush them to the disk; return how many.

        Raises:
            StorageError: an I/O error; no client sees a change.
        """
        new = [name for name, content in files.items() if not _has_content(self.folder / name, content)]
        for name in new:
            write_atomic(self.folder / name, files[name])
        for path in dict.fromkeys(path for name in new for path in (self.folder / name, (self.folder / name).parent)):
            sync(path)
        return len(new)

    def commit(self, publication: Publication) -> None:
        """Make a publication, whose files are written, the current one.

        Raises:
            StorageError: an I/O error; the publication before is the current one.
        """
        write_atomic(self.folder / ENTRY, publication.content)
        sync(self.folder)

    def prune(self, keep_s: float) -> int:
        """Remove the files that only old publications name; return how many.

        The last 10 publications stay, and those that were current in the last `keep_s` seconds. Other files stay, too.

        Raises:
            StorageError: a file cannot be removed.
        """
        kept = {name for publication in self._recent(keep_s) for name in self._files(publication)}
        removed = 0
        for name in [name for name in self._our_names() if name not in kept]:
            path = self.folder / name
            try:
                path.unlink()
            except OSError as error:
                reason = describe_os_error(error, path)
                raise StorageError(f"{path}: cannot be removed: {reason}; the new publication is complete") from error
            removed += 1
        return removed

    def _our_names(self) -> Iterator[str]:
        for folder in _FOLDERS:
            for path in (self.folder / folder).glob("*"):
                name = path.relative_to(self.folder).as_posix()
                if _OURS.fullmatch(_PARTIAL.sub(r"\1", name)) and path.is_file():
                    yield name

    def _recent(self, keep_s: float) -> Iterator[Publication]:
        """Yield the current publication, the last 10 before it, and all others that were current in the last `keep_s` seconds."""
        current = self.current()
        if current is None:
            return
        # A publication of which a file is damaged is not in `previous` any more; its other files may still be read.
        others = sorted(self.folder.glob("entry.*.json"), key=lambda path: -path.stat().st_mtime)
        pending, seen = [current.name, *current.value["previous"], *(path.name for path in others)], set()
        yield current
        oldest, replaced_at = time.time() - keep_s, time.time()
        while pending:
            name = pending.pop(0)
            path = self.folder / name
            if name in seen or not path.is_file():
                continue
            seen.add(name)
            publication = _parse(path.read_bytes())
            if publication and (len(seen) <= MAX_PREVIOUS + 1 or replaced_at >= oldest):
                replaced_at = path.stat().st_mtime  # that of the publication before it
                yield publication
                pending += [previous for previous in publication.value["previous"] if previous not in seen]

    def is_complete(self, publication: Publication, fixed: Mapping[str, bytes]) -> bool:
        """Return whether every file of a publication is there, with its length, and `fixed`; its signature may be absent."""
        if not all(_has_content(self.folder / name, content) for name, content in fixed.items()):
            return False
        for name, length in self._files(publication).items():
            try:
                if length is not None and (self.folder / name).stat().st_size != length:
                    return False
            except OSError:
                return False
        return True

    def intact(self, publication: Publication) -> list[str]:
        """Return the names of a publication and those before it, newest first, except those of which a file is damaged."""
        publications = [(publication.name, publication)]
        for name in publication.value["previous"]:
            path = self.folder / name
            parsed = _parse(path.read_bytes()) if path.is_file() else None
            publications += [(name, parsed)] if parsed and parsed.name == name else []
        return [name for name, parsed in publications if all(map(self._is_intact, self._hashed_files(parsed)))]

    def _hashed_files(self, publication: Publication) -> list[str]:
        return [name for name, length in self._files(publication).items() if length is not None and name != publication.name]

    def _is_intact(self, name: str) -> bool:
        """Return whether a file is what its name says; each is read once."""
        if name not in self._intact:
            path = self.folder / name
            self._intact[name] = path.is_file() and sha256(path.read_bytes())[:16] == name.split(".")[-2]
        return self._intact[name]

    def _files(self, publication: Publication) -> dict[str, int | None]:
        """Return the names of all files of a publication with their lengths; None for the signature."""
        entry = publication.value
        index, models, changes = (self.read(entry[key]["file"]) or {} for key in ("index", "models", "changes"))
        references = [
            *(entry[key] for key in ("index", "models", "search", "changes")),
            *(table for table in entry["tables"].values() if table),
            *index.get("manifests", ()), *models.get("shards", {}).values(), *changes.get("publications", ()),
        ]  # fmt: skip
        files: dict[str, int | None] = {reference["file"]: reference["bytes"] for reference in references}
        return {**files, publication.name: len(publication.content), publication.signature_name: None}


def make_publication(entry: Mapping[str, Any]) -> Publication:
    """Return a publication of an entry."""
    validate(entry, "entry")
    return Publication(entry, dump_minified(entry))


def _parse(content: bytes) -> Publication | None:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return Publication(value, content) if load_schema("site", "entry").is_valid(value) else None


def _has_content(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False

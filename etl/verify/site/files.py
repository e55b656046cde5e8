"""The files of a site: every one that the entry refers to, and those of the publications before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from etl.core.layout import SCHEMAS, TYPES
from etl.storage.json_files import sha256
from etl.verify.published import Check
from etl.verify.site.reading import MAX_FILE_BYTES, UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.verify.site.reading import Reader
    from etl.verify.site.schemas import ClosedSchemas

ENTRY = "entry.json"
MAX_ENTRY_BYTES = 2048
_READ_BYTES = 1024 * 1024  # of entries, whose length nothing states
_FIXED = {"schemas/catalogue.schema.json": SCHEMAS / "site.schema.json", "types/catalogue.d.ts": TYPES}
_NAME = re.compile(r"(?:[a-z0-9-]+/)?[a-z0-9-]+\.([0-9a-f]{16})\.(?:json|sqlite|parquet)")
_ENTRY_NAME = re.compile(r"entry\.([0-9a-f]{16})\.json")
_REFERRING = ("index", "models", "changes")  # the files that refer to others
_KINDS = {"index": "page", "models": "shard", "changes": "change_set"}  # what they refer to


class Reference(NamedTuple):
    """A reference to a file: in which file and at which JSON path, the name, and what it says of the file."""

    referrer: str
    path: str
    file: str
    sha256: str
    bytes: int


@dataclass
class Site:
    """What was read of a site, and what is wrong with the files themselves.

    Attributes:
        fix: The command that fixes it.
        entry: The current entry; None if it is not valid. So are all others.
        content: The bytes of the current entry.
        values: The values of the valid files of the current publication by name.
        earlier: The JSON objects of the publications before, which no schema checks.
        checks: The checks of the files.
    """

    root: str
    fix: str
    entry: dict[str, Any] | None = None
    content: bytes = b""
    values: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def file(self, key: str) -> str:
        """Return the name of a file that the entry refers to."""
        return str(self.entry[key]["file"]) if self.entry else key

    def value(self, key: str) -> Any:
        """Return the value of a file that the entry refers to; None if it is not valid."""
        return self.values.get(self.file(key))

    def problem(self, check: Check, file: str, path: str, text: str) -> None:
        """Add a problem of a file to a check."""
        check.problems.append(f"{self.root}{file}: {path}: {text}; {self.fix}")


class SiteFiles:
    """Reads a site file by file, each once, and checks hashes and schemas."""

    def __init__(self, reader: Reader, schemas: ClosedSchemas, fix: str) -> None:
        self._reader, self._schemas = reader, schemas
        names = ("entry", "files and hashes", "schemas and form", "files of publications before")
        self._entry, self._hashes, self._form, self._previous = checks = [Check(name, fix=fix) for name in names]
        self.site = Site(reader.root, fix, checks=checks)
        self._read: dict[str, bytes] = {}
        self._checked: set[tuple[str, str, int]] = set()

    def load(self) -> Site:
        """Read the current publication, and the files of those before."""
        site = self.site
        content = self._unreferenced(self._entry, ENTRY, ENTRY, "$")
        self._check_published_schema()
        if content is None:
            return site
        if len(content) > MAX_ENTRY_BYTES:
            site.problem(self._entry, ENTRY, "$", f"has {len(content)} bytes (expected at most {MAX_ENTRY_BYTES})")
        site.content = content
        site.entry = self._parse(ENTRY, content, "entry")
        if site.entry is None:
            return site
        copy = f"entry.{sha256(content)[:16]}.json"
        if self._unreferenced(self._entry, copy, ENTRY, "$") not in (None, content):
            site.problem(self._entry, copy, "$", f"is not what {ENTRY} is")
        self._load_files(site.entry)
        for number, name in enumerate(site.entry["previous"]):
            self._load_previous(name, f"$.previous[{number}]")
        return site

    def _unreferenced(self, check: Check, name: str, referrer: str, path: str) -> bytes | None:
        """Return a file whose hash only its name states, if any; None if it cannot be read."""
        check.looked_at += 1
        try:
            content = self._reader.read(name, _READ_BYTES)
        except UnreadableFileError as error:
            self.site.problem(check, referrer, path, f"{name}: {error}")
            return None
        match = _ENTRY_NAME.fullmatch(name)
        if match and sha256(content)[:16] != match[1]:
            self.site.problem(check, referrer, path, f"{name}: has the hash {sha256(content)[:16]}, unlike its name")
            return None
        return content

    def _check_published_schema(self) -> None:
        for name, path in _FIXED.items():
            if self._unreferenced(self._form, name, name, "$") not in (None, path.read_bytes()):
                self.site.problem(self._form, name, "$", "is not that of this program")

    def _load_files(self, entry: dict[str, Any]) -> None:
        """Read what the current entry refers to, and what that refers to."""
        for reference in _references(entry, ENTRY):
            kind = reference.path.removeprefix("$.")
            value = self._referenced(self._hashes, reference, kind)
            if kind in _REFERRING and value is not None:
                for inner in _references(value, reference.file):
                    self._referenced(self._hashes, inner, _KINDS[kind])

    def _referenced(self, check: Check, reference: Reference, kind: str) -> Any:
        """Return the value of a file of the current publication; None if it is not valid or not JSON."""
        content = self._verified(check, reference)
        if content is None or not reference.file.endswith(".json"):
            return None
        value = self._parse(reference.file, content, kind)
        if value is not None:
            self.site.values[reference.file] = value
        return value

    def _verified(self, check: Check, reference: Reference) -> bytes | None:
        """Return a file that is what a reference says; None, and a problem, if it is not."""
        file, key = reference.file, (reference.file, reference.sha256, reference.bytes)
        if key in self._checked:
            return self._read.get(file)
        check.looked_at += 1
        self._checked.add(key)
        problem = None
        try:
            content = self._reader.read(file, min(reference.bytes, MAX_FILE_BYTES))
        except UnreadableFileError as error:
            problem = str(error)
        else:
            digest, match = sha256(content), _NAME.fullmatch(file)
            if len(content) != reference.bytes:
                problem = f"has {len(content)} bytes (expected {reference.bytes})"
            elif digest != reference.sha256:
                problem = f"has the SHA-256 {digest} (expected {reference.sha256})"
            elif match is None or match[1] != digest[:16]:
                problem = f"the name must contain {digest[:16]}, the start of its hash"
        if problem:
            self.site.problem(check, reference.referrer, reference.path, f"{file}: {problem}")
            return None
        if file.endswith(".json"):
            self._read[file] = content
        return content

    def _parse(self, file: str, content: bytes, kind: str) -> Any:
        """Return the value of a JSON file; None if it does not conform to its schema."""
        self._form.looked_at += 1
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            self.site.problem(self._form, file, "$", f"is not JSON: {error}")
            return None
        violations = self._schemas.violations(kind, value)
        self._form.problems += [f"{self.site.root}{file}: {violation}; {self.site.fix}" for violation in violations]
        if not violations and orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != content:
            self.site.problem(self._form, file, "$", "is not minified JSON with sorted, unique keys")
        return None if violations else value

    def _load_previous(self, name: str, path: str) -> None:
        """Check that all files of a publication before are there; their schemas may be of an earlier program."""
        content = self._unreferenced(self._previous, name, ENTRY, path)
        if content is None:
            return
        entry = _parse_object(content)
        if entry is None:
            self.site.problem(self._previous, name, "$", "is not a JSON object")
            return
        self.site.earlier[name] = entry
        for reference in _references(entry, name):
            body = self._verified(self._previous, reference)
            if body is None or reference.path.removeprefix("$.") not in _REFERRING:
                continue
            value = _parse_object(body)
            self.site.earlier.setdefault(reference.file, value)
            for inner in _references(value, reference.file):
                inner_body = self._verified(self._previous, inner)
                if inner_body is not None and inner.file.endswith(".json"):
                    self.site.earlier.setdefault(inner.file, _parse_object(inner_body))


def _parse_object(content: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _references(value: Any, referrer: str, path: str = "$") -> Iterator[Reference]:
    """Yield the references to files in a value, which may be any JSON."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _references(item, referrer, f"{path}[{number}]")
    elif isinstance(value, dict):
        file, digest, length = (value.get(key) for key in ("file", "sha256", "bytes"))
        if isinstance(file, str) and isinstance(digest, str) and isinstance(length, int) and _NAME.fullmatch(file):
            yield Reference(referrer, path, file, digest, max(length, 0))
        else:
            for key, item in value.items():
                yield from _references(item, referrer, f"{path}.{key}")

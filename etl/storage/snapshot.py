"""Published manifests and the models that they were built from, in a folder or in a git revision."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.errors import InvalidDataError, MissingInputError, UsageError
from etl.core.layout import ALL_MODELS, INDEX
from etl.core.schemas import published_schema
from etl.storage.git import find_repository
from etl.storage.json_files import read_json
from etl.storage.owned import is_owned, listed_files

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from etl.core.layout import DataDir

LAST_COMMIT = "the last commit"  # the name of the default snapshot


@dataclass(frozen=True)
class Snapshot:
    """Published files by name, and model files by their path below data/models, read on demand; `name` is for messages."""

    name: str
    manifests: Mapping[str, bytes]
    models: Mapping[str, bytes]


def parse_valid(manifests: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the values of the published files that conform to their schemas, by name."""
    values = {name: parse_published(name, content)[0] for name, content in manifests.items()}
    return {name: value for name, value in values.items() if value is not None}


def parse_published(name: str, content: bytes) -> tuple[Any, list[str]]:
    """Return a published file's value and no problems, or None and its problems."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return None, [f"$: is not JSON: {error}"]
    violations = published_schema(name).violations(value)
    return None if violations else value, [str(violation) for violation in violations]


def read_published(data: DataDir, name: str) -> Any:
    """Return the value of a published file.

    Raises:
        MissingInputError: it was not built.
        InvalidDataError: it violates its schema.
    """
    path = data.manifests / name
    if not path.is_file():
        raise MissingInputError(f"{path}: not found; build it: make manifests")
    value = read_json(path)
    if violations := published_schema(name).violations(value):
        raise InvalidDataError(f"{path}: {violations[0]}; rebuild it: make manifests")
    return value


def is_manifest(name: str) -> bool:
    """Return whether a published file is a manifest, not the index or the list of all models."""
    return name not in (INDEX, ALL_MODELS)


def working_tree(data: DataDir) -> Snapshot:
    """Return the snapshot of a data folder as it is on disk."""
    return Snapshot("now", read_dir(data.manifests), _models(data.root / "models"))


def resolve_snapshot(data: DataDir, ref: str | None, *, with_models: bool = True) -> Snapshot | None:
    """Return the snapshot that `ref` names: a folder (of data or of manifests), or a revision of the repository of `data`.

    Without `ref` it is that of the last commit; None if `data` is not in a repository, if that has no commit, or if its last
    commit has no manifests.

    Raises:
        UsageError: the folder or revision was not found or has no manifests, git cannot be run or fails, or the repository is
            damaged.
    """
    if ref is None:
        return _revision(data.root, "HEAD", LAST_COMMIT, with_models=with_models)
    path = Path(ref)
    result: Snapshot | None = None
    if (path / "manifests").is_dir():
        result = Snapshot(ref, read_dir(path / "manifests"), _models(path / "models") if with_models else {})
    elif (path / INDEX).is_file():
        is_beside = with_models and path.resolve().name == "manifests"
        result = Snapshot(ref, read_dir(path), _models(path.resolve().parent / "models") if is_beside else {})
    elif not path.is_dir():
        result = _revision(data.root, ref, ref, with_models=with_models)
    if result is None:
        raise UsageError(f"{ref}: is neither a folder with manifests nor a revision that contains those of {data.root}")
    return result


def read_dir(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that are ours, by name, sorted; empty if it does not exist."""
    if not folder.is_dir():
        return {}
    return _ours({path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()})


def _ours(manifests: dict[str, bytes]) -> dict[str, bytes]:
    listed = listed_files(manifests.get(INDEX, b""))
    return {name: body for name, body in manifests.items() if is_owned(name, listed)}


class _Files(Mapping[str, bytes]):
    """Files below a folder by their paths, each read on demand."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self._paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.glob(pattern))}

    def __getitem__(self, name: str) -> bytes:
        return self._paths[name].read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def restrict(self, names: Container[str]) -> _Files:
        """Keep some of the files."""
        self._paths = {name: path for name, path in self._paths.items() if name in names}
        return self


def _models(folder: Path) -> Mapping[str, bytes]:
    files = _Files(folder, "*/**/*.json")
    return files.restrict(_pages(files))


def _pages(models: Mapping[str, bytes]) -> set[str]:
    """Return the paths of data/models that are ours: summaries, and the pages of the streams in them."""
    sources = {path.partition("/")[0] for path in models}
    streams = {source: _streams(models.get(f"{source}/summary.json", b"")) for source in sources}
    pages = set()
    for path in models:
        source, *rest = path.split("/")
        if rest == ["summary.json"] or (len(rest) == 2 and rest[0] in streams[source]):
            pages.add(path)
    return pages


def _streams(summary: bytes) -> Container[str]:
    """Return the streams in a summary; empty if it is invalid, which its readers report."""
    try:
        streams: Container[str] = orjson.loads(summary)["streams"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()
    return streams


def _revision(root: Path, revision: str, name: str, *, with_models: bool) -> Snapshot | None:
    """Return the snapshot of the folder `root` in a revision; None if there is no repository or it has no manifests."""
    repository = find_repository(root)
    if repository is None:
        return None
    prefix = Path(os.path.realpath(root)).relative_to(repository.top)
    folders = [prefix / "manifests", *([prefix / "models"] if with_models else [])]
    files = repository.files(revision, folders) or {}
    manifests, models = (
        {path.removeprefix(parent): body for path, body in files.items() if path.startswith(parent)}
        for parent in (f"{(prefix / kind).as_posix()}/" for kind in ("manifests", "models"))
    )
    ours = _pages(models)
    models = {path: body for path, body in models.items() if path in ours}
    return Snapshot(name, _ours(manifests), models) if _ours(manifests) else None

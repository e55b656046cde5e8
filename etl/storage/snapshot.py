"""A published set and the models that it was made of, as a folder or a revision of a repository holds them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from etl.core.errors import UsageError
from etl.core.layout import ALL_MODELS, INDEX
from etl.core.schemas import published_schema
from etl.storage.git import find_repository
from etl.storage.owned import is_owned, listed_files

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from etl.core.layout import DataDir

LAST_COMMIT = "the last commit"  # the name of the side that is taken where none is named


@dataclass(frozen=True)
class Snapshot:
    """What is compared: the files of `manifests` by name, and those of `models` by their path in it; `name` is for people."""

    name: str
    manifests: Mapping[str, bytes]
    models: Mapping[str, bytes]


def parse_valid(manifests: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the values of the published files that keep their contracts, by name."""
    read = {name: parse_published(name, content)[0] for name, content in manifests.items()}
    return {name: value for name, value in read.items() if value is not None}


def parse_published(name: str, content: bytes) -> tuple[Any, list[str]]:
    """Return a published file's value and no problems, or null and what is wrong with it."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return None, [f"$: is not JSON: {error}"]
    violations = published_schema(name).violations(value)
    return None if violations else value, [str(each) for each in violations]


def is_manifest(name: str) -> bool:
    """Tell whether a published file is the page of a filter."""
    return name not in (INDEX, ALL_MODELS)


def working_tree(data: DataDir) -> Snapshot:
    """Return what lies in a data folder."""
    return Snapshot("now", read_dir(data.manifests), _models(data.root / "models"))


def resolve_snapshot(data: DataDir, told: str | None, *, with_models: bool = True) -> Snapshot | None:
    """Return the side that a folder (of data or of manifests) or a revision of the repository that holds `data` names.

    Without a name it is the last commit; null where `data` is in no repository, in one without a commit, or in one whose last
    commit holds no manifests.

    Raises:
        BadUsage: there is no such folder or revision, or it holds no manifests; git cannot be run or refuses; or the
            repository is not whole.
    """
    if told is None:
        return _revision(data.root, "HEAD", LAST_COMMIT, with_models=with_models)
    path = Path(told)
    found: Snapshot | None = None
    if (path / "manifests").is_dir():
        found = Snapshot(told, read_dir(path / "manifests"), _models(path / "models") if with_models else {})
    elif (path / INDEX).is_file():
        is_beside = with_models and path.resolve().name == "manifests"
        found = Snapshot(told, read_dir(path), _models(path.resolve().parent / "models") if is_beside else {})
    elif not path.is_dir():
        found = _revision(data.root, told, told, with_models=with_models)
    if found is None:
        raise UsageError(f"{told}: is neither a folder with manifests nor a revision that holds those of {data.root}")
    return found


def read_dir(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that are ours, by name, sorted."""
    if not folder.is_dir():
        return {}
    return _ours({path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()})


def _ours(manifests: dict[str, bytes]) -> dict[str, bytes]:
    listed = listed_files(manifests.get(INDEX, b""))
    return {name: body for name, body in manifests.items() if is_owned(name, listed)}


def _models(folder: Path) -> dict[str, bytes]:
    return _pages({path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("*/**/*.json"))})


def _pages(models: dict[str, bytes]) -> dict[str, bytes]:
    """Return those of the files of data/models that are ours: summaries, and the pages of streams that they list."""
    found = {}
    for path, body in models.items():
        source, *rest = path.split("/")
        if rest == ["summary.json"] or (len(rest) == 2 and rest[0] in _streams(models.get(f"{source}/summary.json", b""))):
            found[path] = body
    return found


@lru_cache(maxsize=16)  # one a source
def _streams(summary: bytes) -> Container[str]:
    """Return the streams that a summary lists; none where it is not a valid one, which is told when it is read."""
    try:
        streams: Container[str] = orjson.loads(summary)["streams"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()
    return streams


def _revision(root: Path, revision: str, name: str, *, with_models: bool) -> Snapshot | None:
    """Return what a revision holds of the folder `root`; None where that is in no repository, or it holds no manifests."""
    repository = find_repository(root)
    if repository is None:
        return None
    place = Path(os.path.realpath(root)).relative_to(repository.top)
    folders = [place / "manifests", *([place / "models"] if with_models else [])]
    files = repository.files(revision, folders) or {}
    manifests, models = (
        {path.removeprefix(above): body for path, body in files.items() if path.startswith(above)}
        for above in (f"{(place / which).as_posix()}/" for which in ("manifests", "models"))
    )
    return Snapshot(name, _ours(manifests), _pages(models)) if _ours(manifests) else None

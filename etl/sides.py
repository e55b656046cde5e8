"""A published set and the models that it was made of, as a folder or a revision of a repository holds them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from etl.contracts import published_contract
from etl.errors import BadUsage
from etl.files import ALL_MODELS, INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.files import Data

_ELSEWHERE = {  # what a hook that may have called says of its own repository
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_WORK_TREE",
}  # fmt: skip


@dataclass(frozen=True)
class Side:
    """What is compared: the files of `manifests` by name, and those of `models` by their path in it; `name` is for people."""

    name: str
    manifests: Mapping[str, bytes]
    models: Mapping[str, bytes]


def values(manifests: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the values of the published files that keep their contracts, by name."""
    read = {name: sound(name, content)[0] for name, content in manifests.items()}
    return {name: value for name, value in read.items() if value is not None}


def sound(name: str, content: bytes) -> tuple[Any, list[str]]:
    """Return a published file's value and no problems, or null and what is wrong with it."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return None, [f"$: is not JSON: {error}"]
    violations = published_contract(name).violations(value)
    return None if violations else value, [str(each) for each in violations]


def is_manifest(name: str) -> bool:
    """Tell whether a published file is the page of a filter."""
    return name not in (INDEX, ALL_MODELS)


def now(data: Data) -> Side:
    """Return what lies in a data folder."""
    return Side("now", contents(data.manifests), _models(data.root / "models"))


def side(data: Data, told: str | None, *, with_models: bool = True) -> Side | None:
    """Return the side that a folder (of data or of manifests) or a revision of the repository that holds `data` names.

    Without a name it is the last commit; null where there is none, or where it holds no manifests.

    Raises:
        BadUsage: there is no such folder or revision, it holds no manifests, or git refuses.
    """
    if told is None:
        return _revision(data.root, "HEAD", "the last commit", with_models=with_models)
    path = Path(told)
    found: Side | None = None
    if (path / "manifests").is_dir():
        found = Side(told, contents(path / "manifests"), _models(path / "models") if with_models else {})
    elif (path / INDEX).is_file():
        is_beside = with_models and path.resolve().name == "manifests"
        found = Side(told, contents(path), _models(path.resolve().parent / "models") if is_beside else {})
    elif not path.is_dir():
        found = _revision(data.root, told, told, with_models=with_models)
    if found is None:
        raise BadUsage(f"{told}: is neither a folder with manifests nor a revision that holds those of {data.root}")
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by name, sorted; a folder in it counts as an empty file that no set has."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in sorted(folder.iterdir())}


def _models(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.json"))}


def _revision(root: Path, revision: str, name: str, *, with_models: bool) -> Side | None:
    """Return what a revision holds of the folder `root`; null where there is no such thing."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    if not commit:
        return None
    wanted = ["manifests", *(["models"] if with_models else [])]
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", *wanted).decode(errors="surrogateescape").split("\0")
    entries = [(*facts.split(), path) for facts, _, path in (line.partition("\t") for line in listed) if path]
    blobs = {path: name for _, kind, name, path in entries if kind == "blob"}
    bodies = _bodies(_git(root, "cat-file", "--batch", given="\n".join(blobs.values())))
    files = dict(zip(blobs, bodies, strict=True))
    manifests, models = (
        {path.removeprefix(f"{which}/"): body for path, body in files.items() if path.startswith(f"{which}/")}
        for which in ("manifests", "models")
    )
    return Side(name, manifests, models) if manifests else None


def _bodies(batch: bytes) -> Iterator[bytes]:
    """Yield the bodies of what `git cat-file --batch` prints: a line that ends with the length, the body, a line feed."""
    start = 0
    while start < len(batch):
        head = batch.index(b"\n", start)
        length = batch[start:head].rpartition(b" ")[2]
        if not length.isdigit():
            raise BadUsage("the revision to compare with is not whole; mend its repository (git fsck), or name a folder")
        yield batch[head + 1 : head + 1 + int(length)]
        start = head + int(length) + 2


def _git(root: Path, *words: str, given: str = "") -> bytes:
    """Return what git prints of the repository that holds `root`; nothing where there is none, or not what was asked for.

    Raises:
        BadUsage: git is not there, or refuses.
    """
    if not root.is_dir():
        return b""
    kept = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE} | {"LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  a list of words
            ["git", "-C", str(root), *words],  # noqa: S607  the git of whoever runs this
            input=given.encode(), capture_output=True, check=False, env=kept,
        )  # fmt: skip
    except OSError as error:
        raise BadUsage(f"git cannot be run: {error.strerror}; it is needed to compare with what was committed") from error
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode and said and "not a git repository" not in said:
        raise BadUsage(f"{root}: git refuses: {said.splitlines()[0]}; mend that, or name a folder as the base")
    return b"" if done.returncode else done.stdout

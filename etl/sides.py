"""A published set and the models that it was made of, as a folder or a revision of a repository holds them."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from etl.contracts import published_contract
from etl.errors import BadUsage
from etl.files import ALL_MODELS, INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.files import Data


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


def side(data: Data, told: str | None) -> Side | None:
    """Return the side that a folder (of data or of manifests) or a revision of the repository that holds `data` names.

    Without a name it is the last commit; null where that holds no manifests.

    Raises:
        BadUsage: there is no such folder or revision, or it holds no manifests.
    """
    if told is None:
        return _revision(data.root, "HEAD", "the last commit")
    path = Path(told)
    if (path / "manifests").is_dir():
        return Side(told, contents(path / "manifests"), _models(path / "models"))
    if path.is_dir():
        models = _models(path.resolve().parent / "models") if path.resolve().name == "manifests" else {}
        found: Side | None = Side(told, contents(path), models) if (path / INDEX).is_file() else None
    else:
        found = _revision(data.root, told, told)
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


def _revision(root: Path, revision: str, name: str) -> Side | None:
    """Return what a revision holds of the folder `root`; null where there is no such thing."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    held = _git(root, "ls-tree", "--name-only", commit).decode().split("\n") if commit else []
    if "manifests" not in held:
        return None
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", commit, *{"manifests", "models"} & {*held}))) as archive:
        members = ((member.name.partition("/"), archive.extractfile(member)) for member in archive if member.isfile())
        files = [(folder, path, file.read()) for (folder, _, path), file in members if file]
    manifests, models = (
        {path: content for folder, path, content in sorted(files) if folder == which} for which in ("manifests", "models")
    )
    return Side(name, manifests, models)


def _git(root: Path, *words: str) -> bytes:
    """Return what git prints; nothing where it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)  # noqa: S603, S607  a list of words
    except OSError:
        return b""
    return b"" if done.returncode else done.stdout

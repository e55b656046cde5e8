"""Which ids came and went since a base: a folder, or the last commit of the repository that holds the data."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import orjson

from etl.files import ALL_MODELS, INDEX
from etl.verify.published import ids

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 5  # ids shown of each kind


def last_commit(root: Path) -> dict[str, bytes] | None:
    """Return the files of `manifests` in the last commit; None where no repository holds them."""
    command = ["git", "-C", str(root), "archive", "HEAD", "manifests"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  a list of words, no shell
    except OSError:
        return None
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        members = ((member.name, archive.extractfile(member)) for member in archive if member.isfile())
        return {name.removeprefix("manifests/"): file.read() for name, file in members if file}


def diff(base: dict[str, bytes], now: dict[str, bytes]) -> list[str]:
    """Return a line for each manifest whose list changed: what was added, what was removed, or that only the order did."""
    lines = []
    before, after = _lists(base), _lists(now)
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            lines.append(f"{name}: gone, it held {len(before[name])}")
        elif name not in before:
            lines.append(f"{name}: new, it holds {len(after[name])}")
        elif before[name] != after[name]:
            added = [each for each in after[name] if each not in set(before[name])]
            removed = [each for each in before[name] if each not in set(after[name])]
            told = [*_some("+", added), *_some("-", removed)]
            lines.append(f"{name}: {' '.join(told) or 'the same models in another order'}")
    return lines


def _lists(content: dict[str, bytes]) -> dict[str, list[str]]:
    lists = {}
    for name, each in content.items():
        if name in (INDEX, ALL_MODELS):
            continue
        try:
            lists[name] = ids(orjson.loads(each))
        except (ValueError, KeyError, TypeError):
            lists[name] = []  # the check of schemas says what is wrong with it
    return lists


def _some(sign: str, changed: list[str]) -> list[str]:
    more = [f"and {sign}{len(changed) - _MOST} more"] if len(changed) > _MOST else []
    return [f"{sign}{each}" for each in changed[:_MOST]] + more

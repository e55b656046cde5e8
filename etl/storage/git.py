"""A commit of the git repository that holds a folder, read so that nothing of that repository's configuration has a say.

The repository may be anybody's: hooks, filters, configured commands and the network are never used. Its configuration is read
only where git resolves a name to an object, and is overruled there. Objects are read through a git directory of our own that
borrows the repository's object store: no promisor remote, replacement, graft or filter is known there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from etl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Of the caller's variables for git only these are handed on: all others may say which repository a hook was called in.
_HANDED_ON = ("GIT_CONFIG_", "GIT_EXEC_PATH", "GIT_TEST_")
_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "",  # beats protocol.*.allow of any file; older gits know no GIT_NO_LAZY_FETCH
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OVERRULED = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Repository:
    """A git repository by the folder that holds its `.git`, which may be damaged, and may be anybody's."""

    top: Path

    def files(self, revision: str, folders: Sequence[Path]) -> dict[str, bytes] | None:
        """Return the files that a revision holds below some folders, by their path from `top`; None where there is no revision.

        Of HEAD there is none as long as the repository has no commit.

        Raises:
            BadUsage: git cannot be run or refuses, or the repository is not whole.
            KeyboardInterrupt: git was stopped by it.
        """
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        if found.returncode > 1:
            raise self._refused(found)
        name = found.stdout.decode().strip()
        if found.returncode or not _NAME.fullmatch(name):
            if revision == "HEAD" and self._had_commits():
                raise UsageError(f"{self._not_whole}: HEAD leads to no commit, though there are or were some; {self._advice}")
            return None
        with tempfile.TemporaryDirectory(prefix="git-") as folder:
            reader = self._reader(Path(folder))
            listed = self._read(reader, "ls-tree", "-r", "-z", name, "--", *map(str, folders)).decode(errors="surrogateescape")
            entries = [(*facts.split(), path) for facts, _, path in (line.partition("\t") for line in listed.split("\0")) if path]
            blobs = {path: blob for _, kind, blob, path in entries if kind == "blob"}
            batch = self._read(reader, "cat-file", "--batch", given="\n".join(blobs.values()))
        return dict(zip(blobs, self._bodies(batch), strict=True))

    def _had_commits(self) -> bool:
        """Return whether a commit or the log of one is there, or refs or objects could not be read."""
        refs, log = self._git("for-each-ref", "--count=1"), self._git("reflog", "exists", "HEAD")
        with tempfile.TemporaryDirectory(prefix="git-") as folder:
            words = ("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
            objects = self._git(*words, variables=self._reader(Path(folder)))
        is_read = not (refs.returncode or refs.stderr or objects.returncode or objects.stderr)
        return not is_read or log.returncode == 0 or b"commit" in objects.stdout.split()

    @cached_property
    def _store(self) -> tuple[str, Path]:
        """The hash function of the objects, and the folder that they are in."""
        found = self._git("rev-parse", "--show-object-format", "--git-path", "objects")
        if found.returncode:
            raise self._refused(found)
        function, _, path = os.fsdecode(found.stdout).removesuffix("\n").partition("\n")
        return function, self.top / path

    def _reader(self, folder: Path) -> dict[str, str]:
        """Make a git directory in `folder` through which the objects are read; return the variables that name it."""
        function, objects = self._store
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        known = "" if function == "sha1" else f"[extensions]\n\tobjectFormat = {function}\n"
        (folder / "config").write_text(f"[core]\n\tbare = true\n\trepositoryformatversion = {int(bool(known))}\n{known}")
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "0"}
        return {"GIT_DIR": str(folder), "GIT_OBJECT_DIRECTORY": str(objects), **nobody}

    def _read(self, reader: Mapping[str, str], *words: str, given: str = "") -> bytes:
        """Return what git prints of objects.

        Raises:
            BadUsage: one of them is missing or broken.
        """
        done = self._git(*words, variables=reader, given=given)
        if done.returncode:
            raise UsageError(f"{self._not_whole}: {_first_line(done)}; {self._advice}")
        return done.stdout

    def _bodies(self, batch: bytes) -> Iterator[bytes]:
        """Yield the bodies of what `git cat-file --batch` prints: a line that ends with the length, the body, a line feed."""
        start = 0
        while start < len(batch):
            head = batch.index(b"\n", start)
            length = batch[start:head].rpartition(b" ")[2]
            if not length.isdigit():
                told = f"object {batch[start:head].decode(errors='replace')}"
                raise UsageError(f"{self._not_whole}: {told}, and nothing is fetched; {self._advice}")
            yield batch[head + 1 : head + 1 + int(length)]
            start = head + int(length) + 2

    def _git(
        self, *words: str, variables: Mapping[str, str] | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
        """Run git in this repository and no other that may lie around it.

        Raises:
            BadUsage: git cannot be run, or was killed.
            KeyboardInterrupt: git was stopped by it.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith(_HANDED_ON)}
        kept |= {**_VARIABLES, "GIT_CEILING_DIRECTORIES": str(self.top.parent), **(variables or {})}
        command = ["git", "-C", str(self.top), *_OVERRULED, *words]
        try:
            done = subprocess.run(command, input=given.encode(), capture_output=True, check=False, env=kept)  # noqa: S603  a list
        except OSError as error:
            told = f"git cannot be run: {error.strerror}; it is needed to compare with what was committed"
            raise UsageError(f"{told} in {self.top}; install it, or name a folder as the base") from error
        if done.returncode == -signal.SIGINT:
            raise KeyboardInterrupt
        if done.returncode < 0:
            raise UsageError(f"{self.top}: git was ended by signal {-done.returncode}; run the same command again")
        return done

    def _refused(self, done: subprocess.CompletedProcess[bytes]) -> UsageError:
        trust = f"mend it, or trust it if it is yours: git config --global --add safe.directory {self.top}"
        return UsageError(f"{self.top / '.git'}: git refuses: {_first_line(done)}; {trust}; or name a folder as the base")

    @property
    def _not_whole(self) -> str:
        return f"{self.top}: its git repository is not whole"

    @property
    def _advice(self) -> str:
        return f"mend it (git -C {self.top} fsck), commit anew, or name a folder as the base"


def find_repository(folder: Path) -> Repository | None:
    """Return the repository that holds a folder: of those above it the nearest that has a `.git`, whatever that is."""
    place = Path(os.path.realpath(folder))  # unlike Path.resolve, this has an answer for links that lead in a circle
    return next((Repository(each) for each in (place, *place.parents) if os.path.lexists(each / ".git")), None)


def _first_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"exit code {done.returncode}"

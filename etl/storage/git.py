"""Reading a commit of the git repository around a folder, without trusting the repository's configuration.

The repository is untrusted: hooks, filters, configured commands and the network are never used. Its configuration is read only
when git resolves a revision, and is overridden there. Objects are read through a temporary git directory that borrows the
repository's object store, and so has no promisor remotes, replacements, grafts or filters.
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

# Only these GIT_ variables are passed on: inside a git hook, the others name the hook's repository.
_PASSED_ON = ("GIT_CONFIG_", "GIT_EXEC_PATH", "GIT_TEST_")
_GIT_ENV = {
    "GIT_ALLOW_PROTOCOL": "",  # overrides protocol.*.allow of any file; older git versions ignore GIT_NO_LAZY_FETCH
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OVERRIDES = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Repository:
    """A git repository, by the folder that contains its `.git`; it is untrusted and may be damaged."""

    top: Path

    def files(self, revision: str, folders: Sequence[Path]) -> dict[str, bytes] | None:
        """Return the files of a revision below `folders`, by their path from `top`; None if the revision does not exist.

        HEAD does not exist before the first commit.

        Raises:
            UsageError: git cannot be run or fails, or the repository is damaged.
            KeyboardInterrupt: git was interrupted by SIGINT.
        """
        resolved = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        if resolved.returncode > 1:
            raise self._git_failed(resolved)
        name = resolved.stdout.decode().strip()
        if resolved.returncode or not _NAME.fullmatch(name):
            if revision == "HEAD" and self._had_commits():
                raise UsageError(f"{self._damaged}: HEAD is not a commit, although there are or were some; {self._advice}")
            return None
        with tempfile.TemporaryDirectory(prefix="git-") as folder:
            reader = self._reader(Path(folder))
            listing = self._read(reader, "ls-tree", "-r", "-z", name, "--", *map(str, folders)).decode(errors="surrogateescape")
            entries = [(*info.split(), path) for info, _, path in (line.partition("\t") for line in listing.split("\0")) if path]
            blobs = {path: blob for _, kind, blob, path in entries if kind == "blob"}
            batch = self._read(reader, "cat-file", "--batch", stdin="\n".join(blobs.values()))
        return dict(zip(blobs, self._split_batch(batch), strict=True))

    def _had_commits(self) -> bool:
        """Return whether there is a commit or a log of HEAD; also True if refs or objects cannot be read."""
        refs, log = self._git("for-each-ref", "--count=1"), self._git("reflog", "exists", "HEAD")
        with tempfile.TemporaryDirectory(prefix="git-") as folder:
            args = ("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
            objects = self._git(*args, env=self._reader(Path(folder)))
        is_readable = not (refs.returncode or refs.stderr or objects.returncode or objects.stderr)
        return not is_readable or log.returncode == 0 or b"commit" in objects.stdout.split()

    @cached_property
    def _store(self) -> tuple[str, Path]:
        """The hash function and the folder of the objects."""
        done = self._git("rev-parse", "--show-object-format", "--git-path", "objects")
        if done.returncode:
            raise self._git_failed(done)
        function, _, path = os.fsdecode(done.stdout).removesuffix("\n").partition("\n")
        return function, self.top / path

    def _reader(self, folder: Path) -> dict[str, str]:
        """Create a git directory in `folder` for reading the objects; return the environment variables that select it."""
        function, objects = self._store
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        extension = "" if function == "sha1" else f"[extensions]\n\tobjectFormat = {function}\n"
        (folder / "config").write_text(f"[core]\n\tbare = true\n\trepositoryformatversion = {int(bool(extension))}\n{extension}")
        no_config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "0"}
        return {"GIT_DIR": str(folder), "GIT_OBJECT_DIRECTORY": str(objects), **no_config}

    def _read(self, reader: Mapping[str, str], *args: str, stdin: str = "") -> bytes:
        """Return the output of a git command that reads objects.

        Raises:
            UsageError: an object is missing or corrupted.
        """
        done = self._git(*args, env=reader, stdin=stdin)
        if done.returncode:
            raise UsageError(f"{self._damaged}: {_first_line(done)}; {self._advice}")
        return done.stdout

    def _split_batch(self, batch: bytes) -> Iterator[bytes]:
        """Yield the bodies in the output of `git cat-file --batch`: a line that ends with the length, the body, a line feed."""
        start = 0
        while start < len(batch):
            head = batch.index(b"\n", start)
            length = batch[start:head].rpartition(b" ")[2]
            if not length.isdigit():
                missing = f"object {batch[start:head].decode(errors='replace')}"
                raise UsageError(f"{self._damaged}: {missing} (objects are never fetched); {self._advice}")
            yield batch[head + 1 : head + 1 + int(length)]
            start = head + int(length) + 2

    def _git(
        self, *args: str, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
        """Run git in this repository, never in one around it.

        Raises:
            UsageError: git cannot be run, or was killed.
            KeyboardInterrupt: git was interrupted by SIGINT.
        """
        variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith(_PASSED_ON)}
        variables |= {**_GIT_ENV, "GIT_CEILING_DIRECTORIES": str(self.top.parent), **(env or {})}
        command = ["git", "-C", str(self.top), *_OVERRIDES, *args]
        try:
            done = subprocess.run(command, input=stdin.encode(), capture_output=True, check=False, env=variables)  # noqa: S603  a list
        except OSError as error:
            needed = f"it is needed to compare with the commits of {self.top}; install it, or name a folder as the base"
            raise UsageError(f"git cannot be run: {error.strerror}; {needed}") from error
        if done.returncode == -signal.SIGINT:
            raise KeyboardInterrupt
        if done.returncode < 0:
            raise UsageError(f"{self.top}: git was killed by signal {-done.returncode}; run the same command again")
        return done

    def _git_failed(self, done: subprocess.CompletedProcess[bytes]) -> UsageError:
        trust = f"fix it, or trust it if it is yours: git config --global --add safe.directory {self.top}"
        return UsageError(f"{self.top / '.git'}: git failed: {_first_line(done)}; {trust}; or name a folder as the base")

    @property
    def _damaged(self) -> str:
        return f"{self.top}: its git repository is damaged"

    @property
    def _advice(self) -> str:
        return f"repair it (git -C {self.top} fsck), commit again, or name a folder as the base"


def find_repository(folder: Path) -> Repository | None:
    """Return the nearest repository around a folder, whatever its `.git` is; None if absent."""
    start = Path(os.path.realpath(folder))  # unlike Path.resolve, this does not fail for links that form a loop
    return next((Repository(path) for path in (start, *start.parents) if os.path.lexists(path / ".git")), None)


def _first_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"exit code {done.returncode}"

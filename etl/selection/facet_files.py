"""The facets of the pages on disk: made of the models of a page once, and again only if these or what is tested changed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import ExpressionError, InvalidDataError, StorageError
from etl.core.layout import PROJECT
from etl.expressions.evaluator import Evaluator
from etl.selection.conditions import Conditions, FacetSpec
from etl.selection.facets import Columns, PageFacets, columns_of, facets_of
from etl.selection.roots import PageRoots, roots_of
from etl.storage.checked_parts import read_parts, write_parts
from etl.storage.file_hashes import stamp_of
from etl.storage.json_files import read_json, sha256
from etl.storage.ledger import read_ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from etl.config.source_config import SourceConfig
    from etl.core.layout import DataDir

# Below etl/: all that shapes columns, and all that shapes facets.
_COLUMNS_PROGRAM = ("selection/facets.py", "selection/ordering.py", "selection/roots.py", "core/ids.py", "core/columns.py")
_PROGRAM = (*_COLUMNS_PROGRAM, "selection/conditions.py", "expressions/*.py")
_NOTHING, _COLUMNS, _NUMBERS, _ROOTS, _GROUPS = range(5)  # the parts of a file; the first is quick to check


class FacetTask(NamedTuple):
    """A page of models of which facets are needed, with what another process needs for it.

    Attributes:
        now: The time against which expressions measure ages.
    """

    data: DataDir
    source: str
    stream: str
    file: str
    spec: FacetSpec
    now: str

    @property
    def models(self) -> Path:
        return self.data.models(self.source, self.stream, self.file)

    @property
    def facets(self) -> Path:
        return self.data.facets(self.source, self.stream, self.file.removesuffix(".json"))


def facet_tasks(data: DataDir, source: SourceConfig, summary: Mapping[str, Any]) -> list[FacetTask]:
    """Return a task for each page of a source's summary; facets of other pages are removed.

    Raises:
        InvalidDataError: a ledger violates its schema.
    """
    spec = FacetSpec.by(source)
    tasks = []
    for stream, pages in summary["streams"].items():
        now = read_ledger(data, source.name, stream).timestamp
        tasks += [FacetTask(data, source.name, stream, page["file"], spec, now) for page in pages]
    _remove_others(data.facets(source.name), {task.facets for task in tasks})
    return tasks


def _remove_others(folder: Path, keep: Collection[Path]) -> None:
    """Remove the files below a folder but some."""
    for path in folder.glob("*/*"):
        if path not in keep:
            with suppress(OSError):  # a folder, or a file that another command has removed: neither does any harm
                path.unlink()


def read_facets(task: FacetTask, seen: AbstractSet[int] = frozenset()) -> PageFacets | None:
    """Return the facets of a page if they are of its models and of what is tested now; else None.

    The values of groups are read only if the key of one is not among those that were seen.
    """
    stamps = _stamps(task)
    parts = stamps and read_parts(task.facets, [stamps.columns, stamps.facets], [_COLUMNS, _NUMBERS])
    if not (stamps and parts):
        return None
    facets = PageFacets.from_parts(*parts)
    if seen >= {*facets.group_keys}:
        return facets
    groups = read_parts(task.facets, stamps.facets, [_GROUPS])
    return replace(facets, groups=groups[0]) if groups else None


def read_roots(task: FacetTask) -> PageRoots:
    """Return the models of a page that were made of others; from the models, if no facets of them are on disk.

    Raises:
        InvalidDataError: the models are not output of the transform.
    """
    stamps = _stamps(task)
    kept = stamps and read_parts(task.facets, stamps.columns, [_ROOTS])
    try:
        return PageRoots.from_bytes(*kept) if kept else roots_of(read_json(task.models))
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise _invalid(task) from error


def is_current(task: FacetTask) -> bool:
    """Return whether facets of the models of a page and of what is tested now are on disk."""
    stamps = _stamps(task)
    return stamps is not None and read_parts(task.facets, stamps.facets, [_NOTHING]) is not None


def make_facets(
    task: FacetTask, conditions: Conditions, models: Sequence[Mapping[str, Any]] | None = None
) -> PageFacets:  # fmt: skip
    """Return the facets of a page, and keep them on disk where that is possible; without `models`, those on disk are read.

    Raises:
        InvalidDataError: the models are not output of the transform.
        ExpressionError: an expression exceeds a limit or crashes jq.
    """
    stamps = _stamps(task)
    kept = stamps and read_parts(task.facets, stamps.columns, [_COLUMNS, _ROOTS])
    models = read_json(task.models) if models is None else models
    try:
        columns = Columns.from_bytes(kept[0]) if kept else columns_of(models, task.spec.order_fields)
        roots = kept[1] if kept else roots_of(models).to_bytes()
        facets = facets_of(models, columns, conditions, task.now)
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise _invalid(task) from error
    if stamps:
        packed, numbers, groups = facets.to_parts()
        programs = [stamps.facets, stamps.columns, stamps.facets, stamps.columns, stamps.facets]
        with suppress(StorageError):  # they are made again when they are needed
            write_parts(task.facets, programs, [b"", packed, numbers, roots, groups])
    return facets


def _invalid(task: FacetTask) -> InvalidDataError:
    return InvalidDataError(f"{task.models}: not valid output of the transform; rebuild it: make transform")


def make_facets_file(task: FacetTask, models: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Make the facets of a page, in any process: nothing but the task travels. See `make_facets`."""
    with _lock:
        make_facets(task, _conditions(task.spec), models)


def keep_facets(task: FacetTask, models: Sequence[Mapping[str, Any]]) -> None:
    """Make the facets of models in memory; where an expression fails, `make_facets_file` tries once more and says so."""
    with suppress(ExpressionError):
        make_facets_file(task, models)


def end_evaluation() -> None:
    """End the child process with which `make_facets_file` evaluated expressions in this process."""
    if _conditions.cache_info().currsize:
        _evaluators.pop().close()
        _conditions.cache_clear()


_lock = Lock()  # a worker of a cluster may have several threads
_evaluators: list[Evaluator] = []  # at most one: that of `_conditions`


@lru_cache(maxsize=1)
def _conditions(spec: FacetSpec) -> Conditions:
    """Return what tests models; it serves all pages that a process makes facets of."""
    for evaluator in _evaluators:
        evaluator.close()
    _evaluators[:] = [Evaluator(spec.expressions)]
    return Conditions(spec, _evaluators[0])


class _Stamps(NamedTuple):
    """What the columns of a page are made of, and what its facets are made of."""

    columns: str
    facets: str


def _stamps(task: FacetTask) -> _Stamps | None:
    """Return what facets are made of; None without models, which are the same as long as their file is not touched."""
    file = stamp_of(task.models)
    if not file:
        return None
    columns, facets = _made_by(task.spec)
    return _Stamps(f"{columns} {[*file]}", f"{facets} {task.now if _is_timed(task.spec) else ''} {[*file]}")


@lru_cache(maxsize=4)
def _made_by(spec: FacetSpec) -> tuple[str, str]:
    """Return hashes of the program and of what is tested: for columns, and for facets."""
    named = [(field, sorted(values, key=str)) for field, values in spec.named]
    tested = (named, spec.expressions, spec.order_fields, version("jq"))
    return _hash(_COLUMNS_PROGRAM, spec.order_fields), _hash(_PROGRAM, tested)


def _hash(program: Sequence[str], tested: object) -> str:
    paths = sorted(path for pattern in program for path in (PROJECT / "etl").glob(pattern))
    return sha256(b"".join(path.read_bytes() for path in paths) + repr(tested).encode())


def _is_timed(spec: FacetSpec) -> bool:
    return any(expression.is_timed for expression in spec.expressions)

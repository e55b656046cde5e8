"""Evaluation of jq expressions on models, in a child process with limits."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson

from etl.core.errors import ExpressionError
from etl.core.text import sanitize
from etl.expressions.check import check_expressions, check_tokens
from etl.expressions.child import CPU_S, Child, ChildDiedError
from etl.expressions.programs import batch_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from etl.expressions.expression import Expression

__all__ = ["CPU_S", "MATCH", "NO_MATCH", "Evaluator", "Outcome", "check_expressions"]
_BATCH = 1000  # models in one request
_MAX_CACHED = 50_000  # inputs of a program whose outcomes are kept: some 10 MB
_SHORT = 64  # bytes of an input that is its own digest
_MAX_ERROR_CHARS = 200


class Outcome(NamedTuple):
    """What an expression gave for a model.

    Attributes:
        is_match: Whether its only result was `true`.
        error: jq's message if it failed, sanitized, of at most 200 characters.
        unexpected: What it gave instead of true, false or null: `a number`, `no result`, `several results` …; None if absent.
    """

    is_match: bool
    error: str | None = None
    unexpected: str | None = None


NO_MATCH = Outcome(is_match=False)
MATCH = Outcome(is_match=True)


class Evaluator:
    """Evaluates expressions on models; a context manager, with which the child process starts; else with the first model.

    Expressions that call days_since run as one program and the others as another, once for each distinct input.

    Attributes:
        inputs_sent: How many distinct inputs were evaluated.
    """

    def __init__(self, expressions: Sequence[Expression], cpu_s: float = CPU_S) -> None:
        """Prepare the programs; `cpu_s` limits the CPU time of each batch of models.

        Raises:
            UsageError: an expression cannot be read as tokens.
        """
        check_tokens(expressions)
        self._width = len(expressions)
        self._cpu_s = cpu_s
        self._child: Child | None = None
        self.inputs_sent = 0
        indexes = range(len(expressions))
        timed = [index for index in indexes if expressions[index].is_timed]
        others = [index for index in indexes if not expressions[index].is_timed]
        self._programs = [_Program(group, [expressions[index] for index in group]) for group in (timed, others) if group]

    def __enter__(self) -> Self:
        if self._programs and self._child is None:
            self._child = Child(self._cpu_s)  # it starts while the caller reads its models
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def evaluate(self, models: Sequence[Mapping[str, Any]], now: str) -> list[tuple[Outcome, ...]]:
        """Return one outcome per expression, in order, for each model.

        Args:
            models: Any number of models.
            now: The time from which days_since counts: UTC, ISO 8601 with milliseconds and `Z`.

        Raises:
            ExpressionError: an expression exceeded a limit or crashed jq; names its key.
        """
        if len(self._programs) == 1:
            return self._evaluate(self._programs[0], models, now)
        rows: list[list[Outcome]] = [[NO_MATCH] * self._width for _ in models]
        for program in self._programs:
            for row, outcomes in zip(rows, self._evaluate(program, models, now), strict=True):
                for index, outcome in zip(program.indexes, outcomes, strict=True):
                    row[index] = outcome
        return [tuple(row) for row in rows]

    def _evaluate(self, program: _Program, models: Sequence[Mapping[str, Any]], now: str) -> list[tuple[Outcome, ...]]:
        """Return the outcomes of the expressions of one program; evaluate the inputs that are not in its cache."""
        if len(program.cache) > _MAX_CACHED:
            program.cache.clear()
        inputs = program.serialize(models)
        salt = now.encode() if program.is_timed else b""
        digests = [*map(_digest, [salt + text for text in inputs] if salt else inputs)]
        missing = {digest: text for digest, text in zip(digests, inputs, strict=True) if digest not in program.cache}
        pending = list(missing)
        for start in range(0, len(pending), _BATCH):
            batch = pending[start : start + _BATCH]
            payload = b'{"now":%b,"models":[%b]}' % (orjson.dumps(now), b",".join(missing[digest] for digest in batch))
            results = self._request(program, payload)
            program.cache.update(zip(batch, map(_outcomes, results), strict=True))
            self.inputs_sent += len(batch)
        return [program.cache[digest] for digest in digests]

    def _request(self, program: _Program, payload: bytes) -> list[Any]:
        if self._child is None:
            self._child = Child(self._cpu_s)
        try:
            return self._child.request([program.text, *program.single_texts], payload)
        except ChildDiedError as error:
            self.close()
            raise ExpressionError(self._culprits(program, payload, str(error))) from error

    def _culprits(self, program: _Program, payload: bytes, reason: str) -> str:
        """Return a line for each expression that ends a child of its own; all expressions if only all together do."""
        if len(program.keys) == 1:
            return _death_message(program.keys[0], reason)
        lines = []
        for key, text in zip(program.keys, program.single_texts, strict=True):
            with Child(self._cpu_s) as child:
                try:
                    child.request([text, text], payload)
                except ChildDiedError as error:
                    lines.append(_death_message(key, str(error)))
        return "\n".join(lines) or _death_message(", ".join(program.keys), f"together {reason}")


class _Program:
    """Expressions that run as one program, and what they gave for each input.

    Attributes:
        indexes: Which of the evaluator's expressions they are.
        single_texts: The program of each expression alone.
        cache: The outcomes for each input, by the digest of the input.
    """

    def __init__(self, indexes: Sequence[int], expressions: Sequence[Expression]) -> None:
        self.indexes = indexes
        self.keys = [expression.key for expression in expressions]
        self.text = batch_program(expressions)
        self.single_texts = [batch_program([expression]) for expression in expressions]
        self.is_timed = expressions[0].is_timed
        self.cache: dict[bytes, tuple[Outcome, ...]] = {}
        fields = dict.fromkeys(name for expression in expressions for name in expression.fields)
        self._fields = list(fields) if all(expression.is_narrow for expression in expressions) else None

    def serialize(self, models: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Return what the program reads of each model, as JSON."""
        if self._fields is None:
            return [orjson.dumps(dict(model)) for model in models]
        fields = self._fields
        return [orjson.dumps({name: model.get(name) for name in fields}) for model in models]


def _digest(text: bytes) -> bytes:
    """Return a copy of a text if it is short, else a hash; the first byte tells them apart.

    A copy, since the text that orjson returns has the memory of a longer one.
    """
    return b" " + text if len(text) <= _SHORT else b"#" + blake2b(text, digest_size=16).digest()


def _outcomes(results: Sequence[Any]) -> tuple[Outcome, ...]:
    """Return the outcomes of a row; `batch_program` says what results are."""
    return tuple(map(_outcome, results))


def _outcome(result: bool | str | list[str]) -> Outcome:  # noqa: FBT001 -- JSON
    if isinstance(result, str):
        return Outcome(is_match=False, error=sanitize(result, _MAX_ERROR_CHARS - 1))  # one for the ellipsis
    if isinstance(result, list):
        return Outcome(is_match=False, unexpected=result[0])
    return MATCH if result else NO_MATCH


def _death_message(key: str, reason: str) -> str:
    return f"{key}: {reason} for one batch of models; rewrite it"

"""The process that compiles and runs jq expressions: `python -I worker.py FOLDER_OF_JQ CPU_S MEMORY_BYTES`.

It imports nothing of etl. A request is a line: a JSON array of programs, a tab, and the input of the first program, or nothing to
compile all of them. The response is a line of JSON. The process ends when its standard input is closed, or when a request exceeds
a limit.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
import time
from typing import Any

EXIT_MEMORY = 12
_programs: dict[str, Any] = {}


def main() -> None:
    """Respond to requests until standard input is closed."""
    folder, cpu_s, memory_bytes = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would wait for the end of the jq program
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)  # of the limit on CPU time
    os.environ["TZ"] = "UTC0"  # jq's strptime and strftime may read the time zone
    time.tzset()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)
    sys.path.append(folder)  # -I leaves out folders of the user, in which jq may be installed
    try:
        while line := sys.stdin.buffer.readline():
            _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + cpu_s))
            texts, _, payload = line.decode().partition("\t")
            programs = json.loads(texts)
            response = _run(programs, payload) if payload.strip() else json.dumps([_problem(text) for text in programs])
            sys.stdout.buffer.write(response.encode() + b"\n")
            sys.stdout.buffer.flush()
    except MemoryError:
        os._exit(EXIT_MEMORY)
    except BrokenPipeError:
        os._exit(0)  # nobody reads the response


def _limit(which: int, value: int) -> None:
    """Set a limit, or leave a lower one; systems that do not support it are left without."""
    hard = resource.getrlimit(which)[1]
    try:
        resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (ValueError, OSError):
        return


def _compile(text: str) -> Any:
    if text not in _programs:
        import jq

        _programs[text] = jq.compile(text)
    return _programs[text]


def _problem(text: str) -> str | None:
    """Return jq's message if a program does not compile."""
    try:
        _compile(text)
    except ValueError as error:
        return str(error)
    return None


def _run(programs: list[str], payload: str) -> str:
    """Return the rows of results for the models of the payload, a row for each model.

    If the first program fails as a whole, the others, each with one expression, run on each model.
    """
    try:
        response: str = _compile(programs[0]).input_text(payload).text()
        if response.startswith("[") and "\n" not in response:
            return response
    except ValueError:
        pass
    request = json.loads(payload)
    return json.dumps(
        [[_run_alone(text, {**request, "models": [model]}) for text in programs[1:]] for model in request["models"]]
    )


def _run_alone(program: str, request: dict[str, Any]) -> Any:
    """Return the result of one expression for one model, or the message of the error that jq could not catch."""
    try:
        [[[result]]] = _compile(program).input_text(json.dumps(request)).all()
    except ValueError as error:
        return str(error) or "failed"
    return result


if __name__ == "__main__":
    main()

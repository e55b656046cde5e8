"""Chromium, driven through Playwright in a node process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.browser.toolchain import EXAMPLES

if TYPE_CHECKING:
    from types import TracebackType

    from tests.browser.toolchain import Chromium

_DRIVER = Path(__file__).parent / "driver.mjs"
INSECURE_HOST = "insecure.test"  # of this machine, but neither https nor localhost
_RESOLVER = f"MAP {INSECURE_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
_FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync --no-proxy-server""".split()


class BrowserError(AssertionError):
    """What Playwright says of a step that failed."""


class Browser:
    """A browser with one visitor and one page at a time."""

    def __init__(self, node: Path, chromium: Chromium) -> None:
        options = {"executablePath": chromium.path, "env": chromium.env, "args": [*_FLAGS, f"--host-resolver-rules={_RESOLVER}"]}
        # Packages are looked up from the folder where node runs, since the program is not in a file.
        self._process = subprocess.Popen(
            [str(node), "--input-type=module", "--eval", _DRIVER.read_text()], cwd=EXAMPLES,
            env={**os.environ, "DRIVER_OPTIONS": json.dumps(options)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()

    def call(self, method: str, *args: Any) -> Any:
        """Call a command of the driver or a method of Playwright's page, such as `keyboard.press`; return its value.

        Raises:
            BrowserError: it failed.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"method": method, "args": args}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        reply = json.loads(line or '{"error": "the browser has ended"}')
        if "error" in reply:
            raise BrowserError(f"{method} {args}: {reply['error']}")
        return reply["value"]

    def evaluate(self, program: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        return self.call("evaluate", program)

    def texts(self, selector: str) -> list[str]:
        """Return what a visitor reads in the elements that match."""
        texts: list[str] = self.evaluate(
            f"Array.from(document.querySelectorAll({json.dumps(selector)}), (node) => node.innerText)"
        )
        return texts

    def wait_for(self, condition: str) -> None:
        """Return when a JavaScript expression is true."""
        self.call("waitFor", condition)

    def wait_for_text(self, selector: str, text: str) -> None:
        """Return when the first element that matches contains a text."""
        self.wait_for(f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})")

    @property
    def errors(self) -> list[str]:
        """What this page wrote to the console as errors."""
        errors: list[str] = self.call("events")["errors"]
        return errors

    @property
    def urls(self) -> list[str]:
        """What this page has requested."""
        urls: list[str] = self.call("events")["urls"]
        return urls

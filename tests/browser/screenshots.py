"""The pictures of the report in README.md: `python -m tests.browser.screenshots`, with the snapshot's manifests built."""

from __future__ import annotations

import os
import subprocess
import sys

from etl.core.layout import PROJECT
from tests.browser.browser import Browser
from tests.browser.toolchain import find

FOLDER = PROJECT / "docs" / "images"
SIZE = {"width": 880, "height": 480}
_SCROLL = "[...document.querySelectorAll('#model h3')].find((heading) => heading.innerText === 'Streams')?.scrollIntoView()"
VIEWS = (("report-filters.png", "#/filters", "light"), ("report-model.png", "#/models/huggingface/Qwen/Qwen3-0.6B", "dark"))


def main() -> None:
    """Write the report as of the day after the snapshot, and the pictures."""
    variables = {**os.environ, "SOURCE_DATE_EPOCH": "1782043200"}
    subprocess.run([sys.executable, "-m", "etl", "report", "--filters", "filters.toml"], cwd=PROJECT, env=variables, check=True)
    FOLDER.mkdir(exist_ok=True)
    with Browser(*find()) as browser:
        for name, view, scheme in VIEWS:
            browser.call("newVisitor", {"viewport": SIZE, "colorScheme": scheme})
            browser.call("goto", f"{(PROJECT / 'data' / 'report' / 'index.html').as_uri()}{view}")
            browser.wait_for("document.documentElement.classList.contains('ready')")
            browser.evaluate(_SCROLL)
            browser.call("screenshot", {"path": str(FOLDER / name)})


if __name__ == "__main__":
    main()

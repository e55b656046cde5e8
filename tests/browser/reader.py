"""Someone who reads a report in Chromium."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.browser import Browser

SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 320, "height": 640}}


@dataclass(frozen=True)
class Reader:
    """Someone who reads the report in a file."""

    browser: Browser
    url: str

    def open(self, route: str = "", **visitor: Any) -> None:
        """Open the report in a new tab; as a new visitor, if options of one are passed."""
        if visitor:
            self.browser.call("newVisitor", visitor)
        self.browser.call("newPage")
        self.browser.call("goto", f"{self.url}{route}")
        if visitor.get("javaScriptEnabled", True):
            self.browser.wait_for("document.documentElement.classList.contains('ready')")

    def click(self, text: str, selector: str = "a") -> None:
        """Click the first element that is shown and has this text."""
        self.browser.call("click", f"{selector}:visible >> text={json.dumps(text, ensure_ascii=False)} >> nth=0")

    def shown(self, selector: str) -> list[str]:
        """Return the text of the elements that are shown."""
        texts: list[str] = self.browser.evaluate(
            f"Array.from(document.querySelectorAll({json.dumps(selector)})).filter((node) => node.checkVisibility())"
            ".map((node) => node.innerText.replace(/\\s+/g, ' ').trim())"
        )
        return texts

    @property
    def heading(self) -> str:
        (heading,) = self.shown("h2")
        return heading

    @property
    def title(self) -> str:
        return str(self.browser.evaluate("document.title"))

    @property
    def hash(self) -> str:
        return str(self.browser.evaluate("location.hash"))

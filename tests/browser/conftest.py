"""A browser, a web server with the marketplace and a catalogue that it visits, and a report that it opens."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etl.report.render import render
from tests.browser.browser import Browser
from tests.browser.reader import SIZES, Reader
from tests.browser.server import SiteServer, serve
from tests.browser.site import Site, card
from tests.browser.toolchain import EXAMPLES, ToolchainError, find
from tests.report.builder import report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.toolchain import Chromium

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder: `make test` leaves them out."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def toolchain() -> tuple[Path, Chromium]:
    """Return node and Chromium; skip the test if they or the packages of examples/ are missing."""
    try:
        return find()
    except ToolchainError as error:
        pytest.skip(f"{error}; make test-browser installs what can be had")


@pytest.fixture(scope="session")
def marketplace(toolchain: tuple[Path, Chromium], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the compiled marketplace."""
    folder = tmp_path_factory.mktemp("marketplace")
    compiler = EXAMPLES / "node_modules" / "typescript" / "bin" / "tsc"
    command: list[str | Path] = [toolchain[0], compiler, "-p", EXAMPLES, "--outDir", folder / "dist"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    for name in ("index.html", "style.css", "icon.svg"):
        shutil.copy(EXAMPLES / "marketplace" / name, folder)
    return folder


@pytest.fixture(scope="session")
def session_browser(toolchain: tuple[Path, Chromium]) -> Iterator[Browser]:
    """Start one browser for all tests."""
    with Browser(*toolchain) as browser:
        yield browser


@dataclass(frozen=True)
class Visit:
    """A visitor's browser, the server that it visits, and the catalogue that this serves."""

    browser: Browser
    server: SiteServer
    site: Site

    def open(self, address: str = "", *, host: str | None = None) -> None:
        """Open the marketplace in a new tab, and wait until it shows something."""
        self.browser.call("newPage")
        url = self.server.url if host is None else self.server.url.replace("127.0.0.1", host)
        self.browser.call("goto", f"{url}{address}")
        self.browser.wait_for("document.querySelector('h1') !== null && !document.querySelector('[aria-busy]')")

    def require_signature(self, x: str) -> None:
        """Configure the marketplace with the publisher's key."""
        path = self.server.folder / "index.html"
        text, count = re.subn(r'(<meta name="catalogue-key" content=")[^"]*', rf"\g<1>{x}", path.read_text())
        assert count == 1
        path.write_text(text)

    @property
    def names(self) -> list[str]:
        """The names on the cards."""
        return self.browser.texts(".card h2")

    @property
    def problems(self) -> str:
        """What the page says of what failed; empty if it says nothing."""
        return "\n".join(self.browser.texts("#problems:not([hidden])"))


@pytest.fixture
def visit(session_browser: Browser, marketplace: Path, tmp_path: Path) -> Iterator[Visit]:
    """Return a visitor whom the browser knows nothing of, a web server, and a catalogue that was not published yet."""
    folder = tmp_path / "www"
    shutil.copytree(marketplace, folder)
    session_browser.call("newVisitor", {})
    with serve(folder) as server:
        yield Visit(session_browser, server, Site(folder / "v1"))


@pytest.fixture
def reader(session_browser: Browser, tmp_path: Path) -> Iterator[Reader]:
    """Return a reader of a small report; afterwards, nothing was requested and no error was in the console."""
    path = tmp_path / "index.html"
    path.write_text(render(report()), "utf-8")
    session_browser.call("newVisitor", {"viewport": SIZES["wide"]})
    reader = Reader(session_browser, path.as_uri())
    yield reader
    assert session_browser.errors == []
    assert {url.partition("#")[0] for url in session_browser.urls} == {reader.url}


Cards = dict[tuple[str, str], list[dict[str, Any]]]


def cards() -> Cards:
    """Return the cards of five manifests of two sources."""
    first, second, third = card("o/alpha"), card("o/beta", license=None), card("p/gamma", tags=["vision"])
    return {
        ("huggingface", "default"): [first, second, third],
        ("huggingface", "likes"): [third, first],
        ("huggingface", "small"): [second],
        ("civitai", "default"): [card("1", "civitai", name="Delta", author="q", level="pg", base="SDXL 1.0")],
        ("civitai", "r"): [card("2", "civitai", name="Epsilon", author="q", level="r", base="SDXL 1.0")],
    }

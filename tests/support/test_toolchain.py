"""The set-up of the browser tests: `make test` leaves them out, and without a browser they are skipped with the reason."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from etl.core.layout import PROJECT

EXAMPLES = PROJECT / "examples"


def run_pytest(*args: str) -> str:
    """Run the tests of the types with a browser that does not start; return what pytest prints."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args, "tests/browser/test_types.py"]
    environment = {**os.environ, "TEST_CHROMIUM": "/nowhere/chromium"}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False).stdout


def test_make_test_leaves_browser_tests_out() -> None:
    assert re.search(r"^3 deselected", run_pytest(), flags=re.MULTILINE)


def test_without_a_browser_its_tests_are_skipped_with_the_reason() -> None:
    output = run_pytest("-m", "browser", "-rs")
    assert re.search(r"^3 skipped", output, flags=re.MULTILINE)
    assert "; make test-browser installs what can be had" in output


def test_versions_are_exact_and_no_address_is_that_of_a_machine() -> None:
    packages = json.loads((EXAMPLES / "package.json").read_text())["devDependencies"]
    assert {name for name, version in packages.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == set()
    locked = {
        name: package for name, package in json.loads((EXAMPLES / "package-lock.json").read_text())["packages"].items() if name
    }
    assert {name for name, package in locked.items() if not package["integrity"].startswith("sha512-")} == set()
    registry = "https://registry.npmjs.org/"
    assert {name for name, package in locked.items() if not package.get("resolved", registry).startswith(registry)} == set()
    assert {name: locked[f"node_modules/{name}"]["version"] for name in packages} == packages

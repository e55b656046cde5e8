"""The types of the published files: generated, unique, and fitting what is published."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.toolchain import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.toolchain import Chromium
    from tests.conftest import Workspace

TYPES = EXAMPLES / "client" / "src" / "catalogue.d.ts"
LIBRARIES = EXAMPLES / "node_modules" / "typescript" / "lib"
KINDS = {"index": "CatalogueIndex", "models": "ModelShards", "search": "SearchRows", "changes": "ChangeList"}


@pytest.fixture
def node(toolchain: tuple[Path, Chromium]) -> Path:
    return toolchain[0]


def test_the_types_are_those_of_the_schema(node: Path) -> None:
    done = subprocess.run([node, EXAMPLES / "types.mjs", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_names_are_unique_and_none_is_a_global(node: Path) -> None:
    assert node
    names = re.findall(r"^export interface (\w+)", TYPES.read_text(), flags=re.MULTILINE)
    assert len(names) == len(set(names)) > 15
    assert [name for name in names if re.search(r"\d$", name)] == []
    libraries = [path.read_text() for path in LIBRARIES.glob("lib.*.d.ts")]
    pattern = re.compile(r"^\s*(?:declare )?(?:interface|type|class|var|let|const|function|namespace) (\w+)", re.MULTILINE)
    declared = {name for text in libraries for name in pattern.findall(text)}
    assert {"Request", "Document", "Promise", "Response"} < declared
    assert set(names) & declared == set()


def test_published_files_have_the_types(node: Path, shipped: Workspace, tmp_path: Path) -> None:
    assert shipped.run("manifests") == shipped.run("publish") == 0
    folder = shipped.data.site / "v1"

    def load(reference: dict[str, Any]) -> Any:
        return json.loads((folder / reference["file"]).read_bytes())

    entry = json.loads((folder / "entry.json").read_bytes())
    values = [("CatalogueEntry", entry), *((kind, load(entry[key])) for key, kind in KINDS.items())]
    values += [("ManifestPage", load(manifest)) for manifest in load(entry["index"])["manifests"][::8]]
    values.append(("ModelShard", load(next(iter(load(entry["models"])["shards"].values())))))
    values += [("ChangeSet", load(publication)) for publication in load(entry["changes"])["publications"]]
    lines = [f"export const value{number}: {kind} = {json.dumps(value)};" for number, (kind, value) in enumerate(values)]
    imports = f"import type {{ {', '.join(sorted({kind for kind, _ in values}))} }} from {json.dumps(str(TYPES))};"
    assert compiles(node, tmp_path, [imports, *lines]) == ""
    assert "Type 'string' is not assignable" in compiles(
        node, tmp_path, [imports, lines[0].replace('"version": 1', '"version": "1"')]
    )


def compiles(node: Path, folder: Path, lines: list[str]) -> str:
    """Return what the compiler says of a program; empty if its types fit."""
    (folder / "program.ts").write_text("\n".join(lines))
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler"]
    command: list[str | Path] = [node, LIBRARIES.parent / "bin" / "tsc", *options, folder / "program.ts"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout

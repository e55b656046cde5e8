"""verify goes by the field that an axis tests, whatever the axis is called, and by the limit of each manifest."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Workspace, civitai, hf
from tests.verify.test_gate import CIVITAI, checked

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = CIVITAI.replace("[civitai.axes.level]", '[civitai.axes.showcase]\nfield = "level_most"').replace(
    "[civitai.axes.type]", '[civitai.axes.kind]\nfield = "type"'
)


def test_levels_are_read_again_for_any_axis_that_tests_them(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(FIELDS)
    workspace.write_stream("civitai", "default", [civitai(1), civitai(2, nsfwLevel=5), civitai(3, type="LORA")])
    workspace.write_stream("civitai", "loras", [civitai(3, type="LORA")])
    assert workspace.run("manifests") == 0
    assert workspace.ids("civitai-filter-pg.json") == ["1", "3"]
    path = workspace.data.manifests / "civitai-filter-pg.json"
    manifest = json.loads(path.read_text())
    manifest["models"].append({"id": "2", "slug": "2", "name": "model 2"})
    path.write_text(json.dumps(manifest))
    record = f"{workspace.data.raw('civitai', 'default')}/page-0001.json: $.items[1]"
    problems = checked(workspace, capsys)["levels and flags, read again"]["problems"]
    assert problems == [f"{path}: $.models[2]: 2 is up to r in stream default, see {record}"]


@pytest.mark.parametrize(("limit", "models", "problems"), [(12, 5, 1), (12, 6, 0), (8, 4, 0), (8, 3, 1)])
def test_a_manifest_may_lose_models_by_its_own_limit(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: int, models: int, problems: int
) -> None:
    text = workspace.filters.read_text().replace("depth = 4", "depth = 40")
    old = '["likes", "small", "large", "apache", "other"]'
    workspace.filters.write_text(text.replace(old, '[{ filter = "default", limit = 12 }]'))
    records: list[dict[str, Any]] = [hf(f"o/{number}") for number in range(20)]
    workspace.write_stream("huggingface", "default", records, exhausted=False)
    assert workspace.run("manifests") == 0
    shutil.copytree(workspace.data.root, tmp_path / "base")
    workspace.filters.write_text(text.replace(old, f'[{{ filter = "default", limit = {limit} }}]'))
    workspace.write_stream("huggingface", "default", records[:models], exhausted=True)
    assert workspace.run("manifests") == 0
    check = checked(workspace, capsys, "--base", str(tmp_path / "base"))["models lost since the base"]
    assert (check["looked_at"], len(check["problems"])) == (1, problems)

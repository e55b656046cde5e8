"""Tests of explain for manifests that order models by a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import Workspace, hf
from tests.explain.test_manifest import explain_json
from tests.selection.test_ordering import ORDERED

if TYPE_CHECKING:
    import pytest


def test_the_rank_of_a_model_is_that_in_the_order_of_the_manifest(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.filters.write_text(ORDERED.replace('["updated",', '["default", "updated",'))
    times = ("2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")
    records = [hf(f"o/{n}", likes=n, lastModified=time, tags=["gguf"]) for n, time in enumerate(times)]
    workspace.write_stream("huggingface", "default", records)
    assert workspace.run("manifests") == 0
    explanation = explain_json(workspace, capsys, "huggingface:o/0")
    assert explanation["ranks"] == {"default": 1}
    assert explanation["manifests"] == {
        "hf-filter-updated.json": 1, "hf-filter-given.json": 1, "hf-filter-given-tagged.json": 1,
        "hf-filter-updated-liked.json": 1,
    }  # fmt: skip
    assert explanation["not_in"] == dict.fromkeys(
        ("hf-filter-default.json", "hf-filter-tagged.json"), "over the limit: rank 3, limit 2"
    )
    explanation = explain_json(workspace, capsys, "hf/tagged")
    (cut,) = (drop for drop in explanation["drops"] if drop["what"] == "cut")
    assert cut["examples"] == ["o/0"]


def test_manifests_that_differ_in_their_order_are_compared(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.filters.write_text(ORDERED)
    workspace.write_stream("huggingface", "default", [hf("o/1", likes=1), hf("o/2", likes=2), hf("o/3", likes=1)])
    assert workspace.run("manifests") == 0
    compared = explain_json(workspace, capsys, "hf/default", "--against", "hf/given")
    assert (compared["shared"], compared["only"], compared["alike"]) == (2, [0, 0], None)
    assert compared["apart"] == ["order: likes or given", "the lists differ from rank 1: o/2 or o/1"]
    compared = explain_json(workspace, capsys, "hf/updated", "--against", "hf/given")
    alike = "they share stream default, and the models before the limit are the same by updated and in stream order"
    assert (compared["apart"], compared["alike"]) == (["order: updated or given"], alike)
    assert workspace.run("verify") == 0
    note = f"hf-filter-given.json = hf-filter-updated.json (2 models): {alike}"
    assert note in capsys.readouterr().out


def test_streams_with_equal_lists_in_different_orders_are_not_explained_by_matches(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    option = 'gguf = { label = "GGUF", asks.filter = "gguf", keeps = ["gguf"] }'
    workspace.filters.write_text(f'{ORDERED}[huggingface.axes.tags]\nany = {{ label = "All" }}\n{option}\n')
    tagged = {"tags": ["gguf"]}
    workspace.write_stream("huggingface", "default", [hf("o/2", likes=2, **tagged), hf("o/1", **tagged)], exhausted=False)
    workspace.write_stream("huggingface", "gguf", [hf("o/2", likes=2, **tagged), hf("o/1", **tagged)], exhausted=False)
    assert workspace.run("manifests") == 0
    compared = explain_json(workspace, capsys, "hf/default", "--against", "hf/gguf")
    assert compared["alike"] == "each model matches both filters by its own fields"
    compared = explain_json(workspace, capsys, "hf/updated", "--against", "hf/gguf")
    assert (compared["apart"][:3], compared["alike"]) == (
        ["order: updated or likes", "tags: any or gguf", "stream: default or gguf"], None,
    )  # fmt: skip

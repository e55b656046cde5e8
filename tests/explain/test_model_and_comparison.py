"""Tests of explain for models and for two manifests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.conftest import Workspace, civitai, hf
from tests.explain.test_manifest import LARGE, SMALL, explain_json, run_jq
from tests.load.test_withheld import CIVITAI

if TYPE_CHECKING:
    import pytest

APACHE = {"tags": ["license:apache-2.0"]}


def test_a_model_is_explained_with_its_ranks_and_why_it_is_absent_elsewhere(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a", **SMALL), hf("o/b", **SMALL, **APACHE), hf("o/c", **SMALL)])
    workspace.write_stream("huggingface", "likes", [hf("o/b"), hf("o/private", private=True)])
    assert workspace.run("manifests") == 0
    explanation = explain_json(workspace, capsys, "huggingface:o/c")
    assert explanation["fields"]["size_from"] == "safetensors"
    assert explanation["ranks"] == {"default": 3}
    assert explanation["manifests"] == {"hf-filter-other.json": 2}
    assert explanation["not_in"] == {
        "hf-filter-likes.json": "not among the 1 models of stream likes",
        "hf-filter-small.json": "over the limit: rank 3, limit 2",
        "hf-filter-large.json": "size large excludes small",
        "hf-filter-apache.json": "license apache excludes none",
    }
    assert [[record["id"] for record in run_jq(command)] for command in explanation["commands"]] == [["o/c"], ["o/c"]]
    explanation = explain_json(workspace, capsys, "hf:o/private")
    assert (explanation["fields"], explanation["set_aside"]) == (None, {"likes": "private"})
    assert explanation["not_in"]["hf-filter-likes.json"] == "rejected: private"
    assert run_jq(explanation["commands"][0])[0]["id"] == "o/private"
    assert workspace.run("explain", "hf:o/b") == 0
    assert re.search(r"^  size_from +safetensors$", capsys.readouterr().out, re.MULTILINE)


def test_a_model_that_is_excluded_by_id_or_unknown(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/model")])
    workspace.write_stream("huggingface", "likes", [hf("o/model"), hf("o/skipped", **LARGE)], complete=False)
    assert workspace.run("manifests") == 1
    explanation = explain_json(workspace, capsys, "hf:o/skipped")
    assert (explanation["fields"], set(explanation["not_in"].values())) == (None, {"excluded by id in filters.toml"})
    workspace.write_stream("huggingface", "likes", [hf("o/model"), hf("o/skipped", **LARGE)])
    assert workspace.run("manifests") == 0
    assert explain_json(workspace, capsys, "hf:o/skipped")["fields"]["size"] == "large"
    assert workspace.run("explain", "hf:o/modal") == 2
    assert "huggingface:o/modal: not found in any stream on disk; nearest: huggingface:o/model" in capsys.readouterr().err


def test_two_manifests_are_compared_or_why_they_are_equal(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream(
        "huggingface", "default", [hf("o/a", **SMALL), hf("o/b", **SMALL, **APACHE), hf("o/c", **LARGE, **APACHE)]
    )
    workspace.write_stream("huggingface", "likes", [hf("o/a", **SMALL)])
    assert workspace.run("manifests") == 0
    compared = explain_json(workspace, capsys, "hf/small", "--against", "hf/apache")
    assert (compared["shared"], compared["only"], compared["alike"]) == (1, [1, 1], None)
    assert compared["apart"] == ["size: small or all", "license: all or apache", "the lists differ from rank 1: o/a or o/b"]
    compared = explain_json(workspace, capsys, "hf/small", "--against", "hf/likes")
    assert compared["apart"][1:] == [
        "size: small or all",
        "stream: default or likes, each in the order of its own request",
        "hf/likes ends after rank 1, where hf/small continues",
    ]
    workspace.write_stream("huggingface", "default", [hf("o/a", **SMALL, **APACHE)])
    assert workspace.run("manifests") == 0
    compared = explain_json(workspace, capsys, "hf/small", "--against", "hf/apache")
    assert compared["alike"] == "they share stream default, and no model before the limit matches only one of them"
    compared = explain_json(workspace, capsys, "hf/small", "--against", "hf/likes")
    assert compared["alike"] == "streams default and likes are exhausted, and contain the same 1 matching models"
    workspace.write_stream("huggingface", "likes", [hf("o/a", **SMALL)], exhausted=False)
    assert explain_json(workspace, capsys, "hf/small", "--against", "hf/likes")["alike"] is None
    assert workspace.run("explain", "hf/small", "--against", "hf/likes") == 0
    assert "the same models, for no known reason" in capsys.readouterr().out


def test_a_comparison_reports_a_missing_stream(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a")])
    assert workspace.run("manifests") == 1
    compared = explain_json(workspace, capsys, "hf/other", "--against", "hf/likes")
    assert (compared["shared"], compared["only"]) == (0, [1, 0])
    assert compared["apart"][-1] == "hf/likes: no stream likes on disk; fetch with: make extract SOURCE=huggingface"


def test_a_record_without_an_id_is_not_a_model_called_none(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a"), [1]])
    workspace.write_stream("huggingface", "likes", [])
    assert workspace.run("manifests") == 0
    assert workspace.run("explain", "hf:None") == 2
    assert "huggingface:None: not found in any stream on disk" in capsys.readouterr().err


def test_the_levels_of_a_model_are_explained_by_the_evidence_in_its_records(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.filters.write_text(CIVITAI)
    versions = [
        {"baseModel": "SD 1.5", "images": [{"nsfwLevel": 8}, {"nsfwLevel": 4}, {"nsfwLevel": 4}, {"nsfwLevel": 32}]},
        {"baseModel": "SDXL 1.0", "images": [{"nsfwLevel": 0}, {"nsfwLevel": "R"}]},
        {"baseModel": "Pony"},
    ]
    record = civitai(1, nsfw=True, nsfwLevel=60, modelVersions=versions, tags=["a", None])
    workspace.write_stream("civitai", "default", [record, civitai(2)])
    workspace.write_stream("civitai", "month", [record, civitai(2, poi=True), civitai(3, type=7)])
    workspace.write_stream("civitai", "sdxl", [civitai(2, nsfwLevel=8)])
    assert workspace.run("manifests") == 0
    explanation = explain_json(workspace, capsys, "civitai:1")
    assert explanation["evidence"] == {
        "default, month": [
            "nsfw: true, nsfwLevel: 60",
            "version 1, SD 1.5: images: 1 x, 2 r, 1 blocked",
            "version 2, SDXL 1.0: images: 1 none, 1 unknown",
            "version 3, Pony: images: none",
            "level r to xxx: it is flagged nsfw, so that the mask tells nothing; from the images",
            "commercial unknown: what its author permits is not known",
            "level_most: what it is decided from has a value of the wrong type",
            "tags: wrong type, so that it was dropped",
        ]
    }
    assert explanation["rulings"] == {}
    explanation = explain_json(workspace, capsys, "civitai:2")
    assert explanation["set_aside"] == {"month": "poi"}
    assert explanation["rulings"] == dict.fromkeys(("default", "sdxl"), "withheld: stream month says poi")
    assert set(explanation["not_in"].values()) == {"withheld: stream month says poi", "rejected: poi"}
    assert explanation["evidence"]["month"][-1] == "rejected: poi"
    assert explain_json(workspace, capsys, "civitai:3")["evidence"] == {
        "month": [
            "nsfw: false, nsfwLevel: 1",
            "version 1, SD 1.5: images: none",
            "level pg to pg: the mildest level of the mask, the most explicit of mask and images",
            "commercial unknown: what its author permits is not known",
            "rejected: type, type: wrong type (expected A text, such as Checkpoint or LORA)",
        ]
    }
    assert workspace.run("explain", "civitai:2") == 0
    printed = capsys.readouterr().out
    assert "evidence in its records:" in printed
    assert "withheld: stream month says poi" in printed


def test_a_raised_level_is_explained_by_the_stream_that_raises_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.filters.write_text(CIVITAI)
    workspace.write_stream("civitai", "default", [civitai(1), civitai(2)])
    workspace.write_stream("civitai", "month", [civitai(1, nsfwLevel=8)])
    workspace.write_stream("civitai", "sdxl", [])
    assert workspace.run("manifests") == 0
    explanation = explain_json(workspace, capsys, "civitai:1")
    assert explanation["rulings"] == {"default": "level x: stream month says x"}
    assert explanation["not_in"]["civitai-filter-pg.json"] == "level x: stream month says x"
    explanation = explain_json(workspace, capsys, "civitai/pg")
    (drop,) = [step for step in explanation["drops"] if step["what"] == "withheld"]
    assert (drop["gone"], drop["left"], drop["dropped"], drop["examples"]) == (1, 1, {"stream month says x": 1}, ["1"])
    assert explanation["verdict"]["reason"] == "withheld"


def test_a_rejected_parameter_count_is_explained(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"parameters": {"BF16": 7615616512}, "total": 333312}
    workspace.write_stream("huggingface", "default", [hf("org/alpha", safetensors=counts, pipeline_tag="")])
    workspace.write_stream("huggingface", "likes", [hf("Org/Alpha")])
    assert workspace.run("manifests") == 0
    explanation = explain_json(workspace, capsys, "hf:ORG/alpha")
    assert explanation["evidence"]["default"] == [
        "safetensors total 333,312 is not the sum of its parts 7,615,616,512; the parts count",
        "license not stated: commercial unknown",
        "type: empty, so that it was dropped",
    ]
    assert explanation["ranks"] == {"default": 1, "likes": 1}

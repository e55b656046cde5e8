"""Where a model is and why not elsewhere; what tells two pages apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import Workspace, civitai, hf
from tests.explain.test_manifest import LARGE, SMALL, explained, shown
from tests.load.test_withheld import CIVITAI

if TYPE_CHECKING:
    import pytest

APACHE = {"tags": ["license:apache-2.0"]}


def test_a_model_is_told_with_its_places_and_why_not_elsewhere(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/a", **SMALL), hf("o/b", **SMALL, **APACHE), hf("o/c", **SMALL)])
    house.put("huggingface", "likes", [hf("o/b"), hf("o/private", private=True)])
    assert house.run("manifests") == 0
    told = explained(house, capsys, "huggingface:o/c")
    assert told["fields"]["size_from"] == "safetensors"
    assert told["ranks"] == {"default": 3}
    assert told["manifests"] == {"hf-filter-other.json": 2}
    assert told["not_in"] == {
        "hf-filter-likes.json": "not among the 1 models of stream likes",
        "hf-filter-small.json": "cut: it would be number 3, and the limit is 2",
        "hf-filter-large.json": "size large does not keep small",
        "hf-filter-apache.json": "license apache does not keep None",
    }
    assert [[each["id"] for each in shown(command)] for command in told["commands"]] == [["o/c"], ["o/c"]]
    told = explained(house, capsys, "hf:o/private")
    assert (told["fields"], told["set_aside"]) == (None, {"likes": "private"})
    assert told["not_in"]["hf-filter-likes.json"] == "set aside: private"
    assert shown(told["commands"][0])[0]["id"] == "o/private"
    assert house.run("explain", "hf:o/b") == 0
    assert "size_from     safetensors" in capsys.readouterr().out


def test_a_model_that_is_skipped_or_not_there(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/model")])
    house.put("huggingface", "likes", [hf("o/model"), hf("o/skipped", **LARGE)], complete=False)
    assert house.run("manifests") == 1
    told = explained(house, capsys, "hf:o/skipped")
    assert (told["fields"], set(told["not_in"].values())) == (None, {"filters.toml skips it"})
    house.put("huggingface", "likes", [hf("o/model"), hf("o/skipped", **LARGE)])
    assert house.run("manifests") == 0
    assert explained(house, capsys, "hf:o/skipped")["fields"]["size"] == "large"
    assert house.run("explain", "hf:o/modal") == 2
    assert "huggingface:o/modal: no stream on disk has it; nearest: huggingface:o/model" in capsys.readouterr().err


def test_two_pages_are_told_apart_or_why_nothing_does(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/a", **SMALL), hf("o/b", **SMALL, **APACHE), hf("o/c", **LARGE, **APACHE)])
    house.put("huggingface", "likes", [hf("o/a", **SMALL)])
    assert house.run("manifests") == 0
    told = explained(house, capsys, "hf/small", "--against", "hf/apache")
    assert (told["shared"], told["only"], told["alike"]) == (1, [1, 1], None)
    assert told["apart"] == ["size: small or all", "license: all or apache", "their lists part at number 1: o/a or o/b"]
    told = explained(house, capsys, "hf/small", "--against", "hf/likes")
    assert told["apart"][1:] == [
        "size: small or all",
        "they draw on two streams, default and likes, each in the order of its request",
        "hf/small goes on after the 1 models of hf/likes",
    ]
    house.put("huggingface", "default", [hf("o/a", **SMALL, **APACHE)])
    assert house.run("manifests") == 0
    told = explained(house, capsys, "hf/small", "--against", "hf/apache")
    assert told["alike"] == "they share stream default, and no model before the limit matches only one of them"
    told = explained(house, capsys, "hf/small", "--against", "hf/likes")
    assert told["alike"] == "streams default and likes are exhausted, and contain the same 1 matching models"
    house.put("huggingface", "likes", [hf("o/a", **SMALL)], exhausted=False)
    assert explained(house, capsys, "hf/small", "--against", "hf/likes")["alike"] is None
    assert house.run("explain", "hf/small", "--against", "hf/likes") == 0
    assert "the same models, and nothing explains it" in capsys.readouterr().out


def test_a_page_without_a_stream_is_told_so(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/a")])
    assert house.run("manifests") == 1
    told = explained(house, capsys, "hf/other", "--against", "hf/likes")
    assert (told["shared"], told["only"]) == (0, [1, 0])
    assert told["apart"][-1] == "hf/likes: no stream likes on disk; ask with: make extract SOURCE=huggingface"


def test_a_record_without_an_id_is_no_model_called_none(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("huggingface", "default", [hf("o/a"), [1]])
    house.put("huggingface", "likes", [])
    assert house.run("manifests") == 0
    assert house.run("explain", "hf:None") == 2
    assert "huggingface:None: no stream on disk has it" in capsys.readouterr().err


def test_the_levels_of_a_model_are_told_with_what_its_records_say(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.filters.write_text(CIVITAI)
    versions = [
        {"baseModel": "SD 1.5", "images": [{"nsfwLevel": 8}, {"nsfwLevel": 4}, {"nsfwLevel": 4}, {"nsfwLevel": 32}]},
        {"baseModel": "SDXL 1.0", "images": [{"nsfwLevel": 0}, {"nsfwLevel": "R"}]},
        {"baseModel": "Pony"},
    ]
    record = civitai(1, nsfw=True, nsfwLevel=60, modelVersions=versions, tags=["a", None])
    house.put("civitai", "default", [record, civitai(2)])
    house.put("civitai", "month", [record, civitai(2, poi=True), civitai(3, type=7)])
    house.put("civitai", "sdxl", [civitai(2, nsfwLevel=8)])
    assert house.run("manifests") == 0
    told = explained(house, capsys, "civitai:1")
    assert told["evidence"] == {
        "default, month": [
            "nsfw: true, nsfwLevel: 60",
            "version 1, SD 1.5: images: 1 x, 2 r, 1 blocked",
            "version 2, SDXL 1.0: images: 1 none, 1 unknown",
            "version 3, Pony: images: none",
            "level r to xxx: it is flagged nsfw, so that the mask tells nothing; from the images",
            "level_most: what it is decided from has a value of the wrong type",
            "tags: wrong type, so that it was dropped",
        ]
    }
    assert told["rulings"] == {}
    told = explained(house, capsys, "civitai:2")
    assert told["set_aside"] == {"month": "poi"}
    assert told["rulings"] == dict.fromkeys(("default", "sdxl"), "withheld: stream month says poi")
    assert set(told["not_in"].values()) == {"withheld: stream month says poi", "set aside: poi"}
    assert told["evidence"]["month"][-1] == "rejected: poi"
    assert explained(house, capsys, "civitai:3")["evidence"] == {
        "month": [
            "nsfw: false, nsfwLevel: 1",
            "version 1, SD 1.5: images: none",
            "level pg to pg: the mildest level of the mask, the most explicit of mask and images",
            "rejected: type, type: wrong type (expected A text, such as Checkpoint or LORA)",
        ]
    }
    assert house.run("explain", "civitai:2") == 0
    shown_text = capsys.readouterr().out
    assert "what its records say:" in shown_text
    assert "withheld: stream month says poi" in shown_text


def test_a_raised_level_is_told_with_the_stream_that_raises_it(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    house.filters.write_text(CIVITAI)
    house.put("civitai", "default", [civitai(1), civitai(2)])
    house.put("civitai", "month", [civitai(1, nsfwLevel=8)])
    house.put("civitai", "sdxl", [])
    assert house.run("manifests") == 0
    told = explained(house, capsys, "civitai:1")
    assert told["rulings"] == {"default": "level x: stream month says x"}
    assert told["not_in"]["civitai-filter-pg.json"] == "level x: stream month says x"
    told = explained(house, capsys, "civitai/pg")
    (drop,) = [each for each in told["drops"] if each["what"] == "withheld"]
    assert (drop["gone"], drop["left"], drop["dropped"], drop["examples"]) == (1, 1, {"stream month says x": 1}, ["1"])
    assert told["verdict"]["reason"] == "withheld"


def test_why_a_count_was_not_believed_is_told(house: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"parameters": {"BF16": 7615616512}, "total": 333312}
    house.put("huggingface", "default", [hf("org/alpha", safetensors=counts, pipeline_tag="")])
    house.put("huggingface", "likes", [hf("Org/Alpha")])
    assert house.run("manifests") == 0
    told = explained(house, capsys, "hf:ORG/alpha")
    assert told["evidence"]["default"] == [
        "safetensors total 333,312 is not the sum of its parts 7,615,616,512; the parts count",
        "type: empty, so that it was dropped",
    ]
    assert told["ranks"] == {"default": 1, "likes": 1}

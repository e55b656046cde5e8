"""The rules for Hub records except size: license, slug and name."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from etl.sources.source import get_source
from etl.transform.page import transform_page
from tests.conftest import hf


@pytest.mark.parametrize(
    ("tags", "license_"),
    [
        (["license:mit"], "mit"),
        (["gguf", "license:apache-2.0", "license:mit"], "apache-2.0"),
        ([7, None, "license:", "license:mit"], "mit"),
        (["license:"], None),
        (["License:mit", "x-license:mit"], None),
        ([], None),
        (None, None),
        ("license:mit", None),
        ({"a": "license:mit"}, None),
    ],
)
def test_the_first_license_tag_is_the_license(tags: Any, license_: str | None) -> None:
    page = transform_page(get_source("huggingface"), json.dumps([hf("o/a", tags=tags)]).encode(), "p")
    assert page.models[0]["license"] == license_


@pytest.mark.parametrize(("identity", "slug", "name"), [("a", "a", "a"), ("o/a", "o--a", "a")])
def test_slug_and_name(identity: str, slug: str, name: str) -> None:
    page = transform_page(get_source("huggingface"), json.dumps([hf(identity)]).encode(), "p")
    assert (page.models[0]["slug"], page.models[0]["name"]) == (slug, name)


def test_long_texts_of_records_are_not_kept_in_memory() -> None:
    def transform(start: str) -> None:
        name, tags = f"{start}-8B-vae", [f"{start}/7B", f"license:{start}"]
        for kind in ("merge", "quantized"):
            tags += [f"base_model:{start}", f"base_model:{kind}:o/{start}-8B", f"base_model:{kind}:{start}/llama-3-8b"]
        records = [hf(f"o/{name}{number}", tags=[f"{tag}{number}" for tag in tags]) for number in range(20)]
        page = transform_page(get_source("huggingface"), json.dumps(records).encode(), "p")
        assert len(page.models) + len(page.set_aside) == 20

    transform("a")  # what is read once
    tracemalloc.start()
    transform("a" * 100_000)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 500_000


def test_a_tag_with_a_line_feed_is_one_tag() -> None:
    tags = ["license:mit\nlicense:cc-by-nc-4.0", 7, "a\nbase_model:o/b"]
    page = transform_page(get_source("huggingface"), json.dumps([hf("o/a", tags=tags)]).encode(), "p")
    (model,) = page.models
    assert (model["license"], model["commercial"], model["base_models"]) == ("mit license:cc-by-nc-4.0", "unknown", [])

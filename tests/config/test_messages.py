"""The message about each kind of wrong line in filters.toml: where, what is wrong (expected, got), and how to fix it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl.config.fields import model_fields
from etl.config.load import load_config
from etl.core.errors import UsageError
from etl.sources.source import DEFAULT_SIZE_CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping

VALID = """\
limit = 2
depth = 4
[huggingface]
prefix = "hf"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
asks = { expand = ["tags"] }
skip = ["o/skipped"]
require = '.gated == false'
manifests = ["likes", "small", { filter = "gguf", limit = 3, label = "GGUF" }]
[huggingface.axes.sort]
downloads = { label = "Downloads", asks = { sort = "downloads" } }
likes = { label = "Likes", asks = { sort = "likes" } }
[huggingface.axes.packing]
field = "tags"
every = { label = "All" }
gguf = { label = "GGUF", asks = { filter = ["gguf"] }, keeps = ["gguf"] }
[huggingface.axes.size]
all = { label = "All" }
small = { label = "Small", keeps = ["small"] }
large = { label = "Large", keeps = ["large"] }
[huggingface.axes.license]
any = { label = "All" }
nc = { label = "NC", where = '.license // "" | startswith("cc-by-nc")' }
[civitai]
prefix = "civitai"
page = 2
rate = { requests = 1, seconds = 1, in_flight = 1 }
manifests = []
[civitai.axes.type]
all = { label = "All" }
lora = { label = "LoRA", asks = { types = ["LORA"] }, keeps = ["LORA"] }
"""
WRONG = tomllib.loads(Path(__file__).with_name("messages.toml").read_text(encoding="utf-8"))["wrong"]
FIELDS = ", ".join(model_fields("huggingface", DEFAULT_SIZE_CLASSES))


def message(folder: Path, text: str) -> str:
    """Return the message about a file, without its path."""
    path = folder / "filters.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        load_config(path)
    lines = str(error.value).split("\n")
    assert all(line.startswith(f"{path}: ") for line in lines)
    return "\n".join(line.removeprefix(f"{path}: ") for line in lines)


def test_the_file_without_a_wrong_line_is_valid(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(VALID)
    assert len(load_config(tmp_path / "filters.toml").sources) == 2


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong["becomes"].strip()[:40] or f"without {wrong['line'].strip()}")
def test_a_wrong_line_has_its_message(tmp_path: Path, wrong: Mapping[str, str]) -> None:
    assert wrong["line"] in VALID
    text = VALID.replace(wrong["line"], wrong["becomes"], 1)
    assert message(tmp_path, text) == wrong["message"].replace("FIELDS", FIELDS)


def test_every_wrong_expression_has_its_own_line(tmp_path: Path) -> None:
    text = VALID.replace(".gated == false", ".gated |").replace("startswith", "starts")
    assert message(tmp_path, text) == (
        "huggingface.require: does not compile: syntax error, unexpected end of file at line 1, column 8; fix the jq expression\n"
        "huggingface.axes.license.nc.where: does not compile: starts/1 is not defined at line 1, column 18; fix the jq expression"
    )


def test_filters_that_would_share_a_file_or_a_stream_are_refused(tmp_path: Path) -> None:
    option = 'likes-gguf = { label = "Both", asks = { pipeline_tag = "text-generation" } }'
    text = VALID.replace(
        "[huggingface.axes.size]", f"[huggingface.axes.task]\nany = {{ label = 'Any' }}\n{option}\n[huggingface.axes.size]"
    )
    one_file = text.replace('"small",', '"likes/gguf", "likes-gguf",').replace("'Any'", '"Any"')
    assert message(tmp_path, one_file) == (
        "huggingface.manifests: likes/gguf and likes-gguf would share hf-filter-likes-gguf.json; rename an option"
    )
    one_stream = text.replace('"small",', '"likes/gguf", "likes-gguf/small",')
    assert message(tmp_path, one_stream) == (
        "huggingface.manifests: likes/gguf and likes-gguf/small would share stream likes-gguf; rename an option"
    )


def test_all_has_an_upper_bound(tmp_path: Path) -> None:
    axes = "".join(f'[civitai.axes.axis{number}]\na = {{ label = "A" }}\nb{number} = {{ label = "B" }}\n' for number in range(16))
    assert message(tmp_path, VALID.replace("manifests = []", 'manifests = "all"') + axes) == (
        'civitai.manifests: "all" gives 131071 manifests (expected at most 100000); list those to publish'
    )


def test_a_file_without_sources_is_refused(tmp_path: Path) -> None:
    expected = "the file: must have the table of a source; choose from civitai, huggingface"
    assert message(tmp_path, VALID.partition("[huggingface]")[0]) == expected

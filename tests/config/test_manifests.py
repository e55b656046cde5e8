"""Axes on fields, names with hyphens, entries of `manifests`, and request parameters that several axes set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from etl.config.load import load_config
from etl.config.lookup import resolve_filter
from etl.core.errors import UsageError
from tests.load.test_expressions import HUB

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config.source_config import Config
    from tests.conftest import Workspace

# Without expressions, whose check takes a process.
HEAD = re.sub(r"require = .*\n|manifests = \[.*?\]\n", "", HUB.partition("[huggingface.axes")[0], flags=re.DOTALL)
NAMES = """
[huggingface.axes.task]
field = "tags"
any = { label = "Any" }
text-generation = { label = "Text generation", keeps = ["text-generation"] }
text = { label = "Text", keeps = ["text"] }
[huggingface.axes.sort]
downloads = { label = "Downloads", asks = { sort = "downloads" } }
likes = { label = "Likes", asks = { sort = "likes" } }
[huggingface.axes.license]
all = { label = "All" }
generation = { label = "Generation", drops = ["mit"] }
likes-generation = { label = "Likes generation", drops = ["mit"] }
"""


def load(folder: Path, manifests: str, axes: str = NAMES) -> Config:
    path = folder / "f.toml"
    path.write_text(f"{HEAD}\nmanifests = {manifests}\n{axes}")
    return load_config(path)


def refusal(folder: Path, manifests: str, axes: str = NAMES) -> str:
    with pytest.raises(UsageError) as error:
        load(folder, manifests, axes)
    return str(error.value).partition("f.toml: ")[2]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("hf-filter-text-generation-likes.json", "text-generation/likes"),
        ("data/manifests/hf-filter-text-likes-generation.json", "text/likes-generation"),  # published
        ("hf-filter-likes-generation.json", "likes-generation"),  # not published; hf/likes/generation has the same file
        ("hf-filter-text-generation-likes-generation.json", "text-generation/likes-generation"),
        ("hf/text-generation/likes/generation", "text-generation/likes/generation"),
        ("hf/likes/generation", "likes/generation"),
        ("hf/default", "default"),
        ("hf-filter-default.json", "default"),
    ],
)
def test_filters_are_found_by_path_and_file(tmp_path: Path, target: str, path: str) -> None:
    config = load(tmp_path, '["text/likes-generation", "text/generation"]')
    filter_ = resolve_filter(config, target)
    assert filter_.path == path
    assert filter_.file == f"hf-filter-{path.replace('/', '-')}.json"
    assert (filter_ in config.sources[0].filters) == (path == "text/likes-generation")


@pytest.mark.parametrize(
    "file",
    ["hf-filter-.json", "hf-filter-text-.json", "hf-filter--text.json", "hf-filter-likes-text.json", "hf-filter-generat.json"],
)
def test_other_files_are_of_no_filter(tmp_path: Path, file: str) -> None:
    with pytest.raises(UsageError, match="not found"):
        resolve_filter(load(tmp_path, '["text"]'), file)


@pytest.mark.parametrize("manifests", ['["text-generation", "text/generation"]', '"all"'])
def test_filters_that_share_a_file_are_refused(tmp_path: Path, manifests: str) -> None:
    message = r"huggingface\.manifests: \S+ and \S+ would share hf-filter-\S*generation\.json; rename an option"
    assert re.fullmatch(message, refusal(tmp_path, manifests))


def test_requests_that_share_a_stream_are_refused(tmp_path: Path) -> None:
    axes = """
    [huggingface.axes.task]
    any = { label = "Any" }
    a-b = { label = "A-B", asks = { filter = "a" } }
    a = { label = "A", asks = { filter = "b" } }
    [huggingface.axes.part]
    all = { label = "All" }
    b = { label = "B", asks = { filter = "c" } }
    [huggingface.axes.last]
    all = { label = "All" }
    x = { label = "X" }
    """
    assert load(tmp_path, '["a-b"]', axes)
    expected = "huggingface.manifests: a-b and a/b/x would share stream a-b; rename an option"
    assert refusal(tmp_path, '["a-b", "a/b/x"]', axes) == expected


def test_parameters_that_narrow_add_up_and_others_are_set_once(tmp_path: Path) -> None:
    axes = """
    [huggingface.axes.task]
    any = { label = "Any" }
    chat = { label = "Chat", asks = { filter = ["chat", "gguf"], pipeline_tag = "text-generation" } }
    [huggingface.axes.use]
    all = { label = "All", asks = { filter = "text-generation" } }
    local = { label = "Local", asks = { filter = ["local", "chat"] } }
    """
    config = load(tmp_path, '["chat/local", "local", "default"]', axes)
    params = {stream.name: stream.params for stream in config.sources[0].streams}
    assert params == {
        "chat-local": {"filter": ["gguf", "text-generation", "chat", "local"], "pipeline_tag": "text-generation", "limit": 2},
        "local": {"filter": ["gguf", "text-generation", "local", "chat"], "limit": 2},
        "default": {"filter": ["gguf", "text-generation"], "limit": 2},
    }
    for name in ("pipeline_tag", "apps"):
        changed = axes.replace('{ filter = ["local", "chat"] }', f'{{ {name} = "x" }}').replace("pipeline_tag =", f"{name} =", 1)
        assert refusal(tmp_path, '["chat"]', changed) == (
            f"huggingface.axes.use: parameter {name} is also set by huggingface.axes.task; set it in one of them"
        )


def test_the_field_of_an_axis_may_have_another_name(tmp_path: Path) -> None:
    config = load(tmp_path, '["text"]', f'{NAMES}[huggingface.axes.size]\nfield = {{ label = "F" }}\n')
    options = {option.name: option for axis in config.sources[0].axes for option in axis.options}
    assert [(options[name].field, options[name].is_multivalued) for name in ("text", "generation", "field")] == [
        ("tags", True), ("license", False), ("size", False),
    ]  # fmt: skip
    assert options["text"].matches({"tags": ["text", "x"], "task": ["other"]})


def test_entries_have_limits_and_labels_and_name_a_filter_once(tmp_path: Path) -> None:
    entries = '["text", { filter = "likes", limit = 200, label = "Loved" }, { filter = "default", limit = 1 }]'
    config = load(tmp_path, entries)
    filters = [resolve_filter(config, target) for target in ("hf/text", "hf/likes", "hf/default", "hf/text-generation")]
    assert [(filter_.limit, filter_.label) for filter_ in filters] == [
        (2, "Text"), (200, "Loved"), (1, "Any · Downloads · All"), (2, "Text generation"),
    ]  # fmt: skip
    for entry in ('"likes"', '{ filter = "likes" }', '{ filter = "likes", limit = 3 }'):
        message = "huggingface.manifests: likes is listed twice; remove one of them"
        assert refusal(tmp_path, f'[{{ filter = "likes", limit = 200 }}, {entry}]') == message


@pytest.mark.parametrize("entry", ["likes-small", "hf/likes/small", "hf/likes-small"])
def test_the_form_of_a_file_or_a_command_gives_the_path(workspace: Workspace, entry: str) -> None:
    text = workspace.filters.read_text().replace('["likes",', f'["{entry}",')
    workspace.filters.write_text(text)
    with pytest.raises(UsageError, match=r"unknown option '.*'; choose from .*; nearest: likes/small$"):
        load_config(workspace.filters)

"""Values in filters.toml that no model on disk has: reported by manifests, verify and explain, with the nearest that occurs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.config.load import load_config
from etl.config.options import Option
from etl.selection.unmatched import find_unmatched, unmatched
from tests.conftest import hf

if TYPE_CHECKING:
    from tests.conftest import Workspace

APACHE = 'keeps = ["apache-2.0"]'
WARNING = "huggingface.axes.license.apache: no model on disk has license Apache 2; nearest: apache-2.0"


@pytest.fixture
def misspelt(workspace: Workspace) -> Workspace:
    """Return a data folder with both streams, and a filters.toml that names a license that no model has."""
    workspace.write_stream("huggingface", "default", [hf("o/a", tags=["license:apache-2.0"]), hf("o/b", tags=["license:mit"])])
    workspace.write_stream("huggingface", "likes", [hf("o/b", tags=["license:mit"])])
    replace(workspace, APACHE, 'keeps = ["Apache 2"]')
    return workspace


def replace(workspace: Workspace, old: str, new: str) -> None:
    text = workspace.filters.read_text()
    assert old in text
    workspace.filters.write_text(text.replace(old, new, 1))


def values_check(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert workspace.run("verify", "--json") == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    return next(check for check in checks if check["name"] == "values of filters.toml")


def test_manifests_warns_and_ends_with_0(misspelt: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert misspelt.run("manifests") == 0
    assert capsys.readouterr().err == f"warning: {WARNING}\n"
    assert misspelt.ids("hf-filter-apache.json") == []
    assert "Apache 2;" not in (misspelt.data.manifests / "index.json").read_text()


def test_verify_warns_and_counts_the_values(misspelt: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert misspelt.run("manifests") == 0
    check = values_check(misspelt, capsys)
    assert (check["looked_at"], check["problems"], check["warnings"]) == (2, [], [WARNING])
    assert misspelt.run("verify") == 0
    assert f"ok   values of filters.toml (2)\n     warning: {WARNING}\n" in capsys.readouterr().out


def test_explain_warns_about_options_of_its_filter_only(misspelt: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert misspelt.run("manifests") == 0
    warnings = {}
    for target in ("hf/apache", "hf/other", "hf/likes/apache"):
        capsys.readouterr()
        assert misspelt.run("explain", target, "--json") == 0
        warnings[target] = json.loads(capsys.readouterr().out)["warnings"]
    assert warnings == {"hf/apache": [WARNING], "hf/other": [], "hf/likes/apache": [WARNING]}
    assert misspelt.run("explain", "hf/apache") == 0
    assert f"\nwarning: {WARNING}\n" in capsys.readouterr().out


def test_a_value_that_only_a_stream_not_yet_fetched_can_have_is_no_warning(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/a", tags=["license:apache-2.0"])])
    server_side = 'qwen = { label = "Qwen", asks = { author = "Qwen" }, keeps = ["Qwen"] }'
    expression = "where = '.author == \"Qwen\"'"
    replace(
        workspace,
        "[huggingface.axes.size]",
        f'[huggingface.axes.author]\nany = {{ label = "Any" }}\n{server_side}\n[huggingface.axes.size]',
    )
    replace(workspace, 'keeps = ["Qwen"]', f'keeps = ["Qwen"], {expression}')
    replace(workspace, '"likes", "small", "large", "apache", "other"', '"other", "qwen"')
    assert workspace.run("manifests") == 1  # without the stream
    assert "warning" not in capsys.readouterr().err
    workspace.write_stream("huggingface", "qwen", [hf("Qween/a")])
    assert workspace.run("manifests") == 0
    warnings = capsys.readouterr().err.splitlines()
    assert warnings[0] == "warning: huggingface.axes.author.qwen: no model on disk has author Qwen; nearest: Qween"
    assert warnings[1:] == ["warning: huggingface.axes.author.qwen.where: is true for none of 2 models on disk"]


@pytest.mark.parametrize("manifests", ['"likes", "apache"', '"apache"'])
def test_a_value_in_another_stream_counts_as_on_disk(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], manifests: str
) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/b", tags=["license:mit"])])
    workspace.write_stream("huggingface", "likes", [hf("o/a", tags=["license:apache-2.0"])])
    replace(workspace, '"likes", "small", "large", "apache", "other"', manifests)
    assert workspace.run("manifests") == 0
    assert capsys.readouterr().err == ""
    assert values_check(workspace, capsys)["warnings"] == []
    assert workspace.run("explain", "hf/apache", "--json") == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []


def test_incomplete_streams_do_not_count(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/b", tags=["license:mit"])])
    workspace.write_stream("huggingface", "likes", [hf("o/a", tags=["license:apache-2.0"])], complete=False)
    replace(workspace, '"likes", "small", "large", "apache", "other"', '"apache"')
    assert workspace.run("manifests") == 0
    assert "no model on disk has license apache-2.0" in capsys.readouterr().err


def test_unused_options_and_closed_lists_are_not_checked(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/b", tags=["license:mit"])])
    replace(workspace, APACHE, 'keeps = ["Apache 2"]')
    replace(workspace, '"likes", "small", "large", "apache", "other"', '"small", "large"')
    assert workspace.run("manifests") == 0
    assert capsys.readouterr().err == ""
    assert values_check(workspace, capsys)["looked_at"] == 0


def test_values_of_default_and_excluding_options_are_checked(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_stream("huggingface", "default", [hf("o/b", tags=["license:mit", "gguf"]), hf("o/s", tags=["awq"])])
    axis = '[huggingface.axes.tags]\nany = { label = "Any", keeps = ["GGUF", "awq"] }\n'
    workspace.filters.write_text(
        workspace.filters.read_text().replace('"likes", "small", "large", "apache", "other"', '"other"') + axis
    )
    assert workspace.run("manifests") == 0
    assert capsys.readouterr().err.splitlines() == [
        "warning: huggingface.axes.license.other: no model on disk has license apache-2.0",
        "warning: huggingface.axes.tags.any: no model on disk has tags GGUF; nearest: gguf",
    ]


def test_without_streams_on_disk_nothing_is_checked(workspace: Workspace) -> None:
    source = load_config(workspace.filters).sources[0]
    assert find_unmatched(source, source.filters, []) == (0, [])


def test_the_nearest_number_is_by_distance_and_remote_text_is_sanitized(workspace: Workspace) -> None:
    source = load_config(workspace.filters).sources[0]
    likes = Option("popular", "some", "Some", "likes", includes=frozenset({100}))
    author = Option("author", "one", "One", "author", excludes=frozenset({"[31m evil"}))
    seen: dict[str, set[Any]] = {"likes": {1, 90, 1000, None}, "author": {None, "\x1b[31mevil\n"}}
    assert unmatched(source, [(likes, 100), (author, "[31m evil")], seen) == [
        "huggingface.axes.popular.some: no model on disk has likes 100; nearest: 90",
        "huggingface.axes.author.one: no model on disk has author [31m evil; nearest: \N{REPLACEMENT CHARACTER}[31mevil",
    ]

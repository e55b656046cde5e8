"""The graph of files: what a change redoes, and what a failure leaves to do."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from etl.core.layout import PROJECT, DataDir
from etl.storage.locks import Locks
from etl.transform.stage import PROGRAM
from tests.conftest import civitai, hf
from tests.support.project_copy import ProjectCopy, copy, environment, script


def put(clone: ProjectCopy) -> ProjectCopy:
    """Give a copy of the project raw files of both sources."""
    clone.put("huggingface", "default", [hf("o/a")], [hf("o/b")])
    clone.put("huggingface", "likes", [hf("o/a")])
    clone.put("civitai", "default", [civitai(1)])
    return clone


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project whose manifests are made; for copying only."""
    made = put(copy(tmp_path_factory.mktemp("whole")))
    assert made.make("-j2", "manifests").returncode == 0
    assert made.todo() == set()
    return made.root


@pytest.fixture
def clone(whole: Path, tmp_path: Path) -> ProjectCopy:
    """Return a copy of the project whose manifests are made; all times are those of the original."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return ProjectCopy(DataDir(tmp_path / "data"), tmp_path / "filters.toml")


EVERYTHING = {"huggingface", "civitai", "manifests"}


@pytest.mark.parametrize(
    ("path", "redone"),
    [
        ("etl/sources/civitai/transform.jq", {"civitai", "manifests"}),
        ("etl/sources/huggingface/transform.jq", {"huggingface", "manifests"}),
        ("etl/sources/huggingface/size.py", {"huggingface", "manifests"}),
        ("etl/sources/civitai/levels.py", {"civitai", "manifests"}),
        ("etl/transform/stage.py", EVERYTHING),
        ("etl/load/stage.py", {"manifests"}),
        ("data/raw/civitai/default/page-0001.json", {"civitai", "manifests"}),
        ("data/raw/huggingface/likes/stream.json", {"huggingface", "manifests"}),
        ("schemas/model.schema.json", EVERYTHING),
        ("schemas/civitai.raw.schema.json", {"civitai", "manifests"}),
        ("schemas/manifest.schema.json", {"manifests"}),
        ("filters.toml", set()),
    ],
)
def test_a_touched_file_redoes_what_depends_on_it(clone: ProjectCopy, path: str, redone: set[str]) -> None:
    clone.touch(path)
    assert clone.todo() == redone


def test_other_filters_are_told_by_content_not_by_time(clone: ProjectCopy) -> None:
    other = clone.root / "other.toml"
    other.write_text(clone.filters.read_text().replace('"small", "large", ', ""))
    os.utime(other, (1, 1))
    assert clone.make("manifests", "FILTERS=other.toml").returncode == 0
    assert not (clone.data.manifests / "hf-filter-small.json").exists()
    assert clone.make("manifests").returncode == 0
    assert (clone.data.manifests / "hf-filter-small.json").exists()
    assert clone.todo() == set()


def test_a_stream_that_is_removed_leaves_no_models_and_every_run_says_so(clone: ProjectCopy) -> None:
    shutil.rmtree(clone.data.raw("huggingface", "likes"))
    for _ in range(2):
        done = clone.make("manifests")
        assert done.returncode == 2
        assert "hf-filter-likes.json: not made" in done.stderr
    assert not clone.data.models("huggingface", "likes").exists()
    assert not (clone.data.manifests / "hf-filter-likes.json").exists()
    assert (clone.data.manifests / "hf-filter-apache.json").exists()
    clone.put("huggingface", "likes", [hf("o/a")])
    assert clone.make("manifests").returncode == 0


def test_a_bad_page_stops_before_anything_is_published_and_mending_it_is_enough(clone: ProjectCopy) -> None:
    before = (clone.data.manifests / "index.json").read_bytes()
    page = clone.data.raw("huggingface", "likes") / "page-0001.json"
    good = page.read_text()
    page.write_text("<html>")
    clone.touch(str(page))
    done = clone.make("manifests")
    assert done.returncode == 2
    assert "Error 65" in done.stderr
    assert f"{page.relative_to(clone.root)}: is not JSON" in done.stderr
    assert (clone.data.manifests / "index.json").read_bytes() == before
    page.write_text(good)
    assert clone.make("manifests").returncode == 0


def test_verify_judges_what_lies_there(clone: ProjectCopy) -> None:
    assert clone.make("verify").returncode == 0
    (clone.data.manifests / "index.json").write_text("{}")
    done = clone.make("verify")
    assert "Error 1" in done.stderr
    assert "data/manifests/index.json: $" in done.stdout


def test_explain_looks_at_models_that_are_made_first(clone: ProjectCopy) -> None:
    clone.put("huggingface", "default", [hf("o/a")], [hf("o/b")], [hf("o/c")])
    done = clone.make("explain", "FILTER=hf/other", "AGAINST=")
    assert done.returncode == 0, done.stderr
    assert "   1  cut" in done.stdout
    assert "2 models on both" in clone.make("explain", "FILTER=hf/other", "AGAINST=hf-filter-other.json").stdout
    assert "Error 2" in clone.make("explain").stderr


def test_the_list_of_words_names_each_word(clone: ProjectCopy) -> None:
    told = clone.make().stdout
    assert re.findall(r"^make (\w+) ", told, flags=re.MULTILINE) == re.findall(
        r"^(\w+):.* ## ", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE
    )
    assert "make manifests" in told


def imports(module: str) -> set[str]:
    """Return the paths of the modules that a module loads, itself included, however deep, but not for types alone."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        parts = waiting.pop().split(".")
        waiting += [".".join(parts[:count]) for count in range(1, len(parts))]
        paths = (Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py"))
        path = next((path for path in paths if (PROJECT / path).is_file()), None)
        if path is None or str(path) in found:
            continue
        found.add(str(path))
        nodes: list[ast.AST] = [ast.parse((PROJECT / path).read_text())]
        while nodes:
            node = nodes.pop()
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                waiting += [f"{node.module}{name}" for alias in node.names for name in ("", f".{alias.name}")]
            nodes += ast.iter_child_nodes(node)
    return found


def test_models_are_rebuilt_when_a_module_changes_that_the_transform_imports() -> None:
    loaded = {path for path in imports("etl.transform.stage") if not path.endswith("/__init__.py")}
    assert len(loaded) > 15
    hashed = {
        str(path.relative_to(PROJECT)) for pattern in (*PROGRAM, "sources/*/*.py") for path in (PROJECT / "etl").glob(pattern)
    }
    assert loaded <= hashed


def test_every_module_rebuilds_what_imports_it(clone: ProjectCopy) -> None:
    config = imports("etl.config.load")
    models, manifests = (imports(f"etl.{stage}.stage") | config for stage in ("transform", "load"))
    modules = sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "etl").rglob("*.py"))
    assert len(modules) > 50
    for module in modules:
        stat = (clone.root / module).stat()
        clone.touch(module)
        rebuilt = clone.todo()
        os.utime(clone.root / module, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        package, *rest = Path(module).parts[1:]
        if package == "sources" and len(rest) == 2:
            assert rebuilt == {rest[0], "manifests"}, module
        elif module in models:
            assert rebuilt == EVERYTHING, module
        elif module in manifests:
            assert rebuilt >= {"manifests"}, module
        elif package in ("cli", "diff", "explain", "extract", "verify", "pipeline.py"):
            assert rebuilt == set(), module


OUTPUTS = ("data/manifests/hf-filter-small.json", "data/manifests/index.json", "data/models/huggingface/likes/page-0001.json")


@pytest.mark.parametrize(
    ("path", "harm"),
    [
        *((path, harm) for path in OUTPUTS[::2] for harm in ("edit", "delete")),
        (OUTPUTS[1], "delete"),
        (OUTPUTS[2], "delete the folder"),
        ("data/models/civitai/summary.json", "delete the folder"),
    ],
)
def test_an_output_that_was_edited_or_deleted_is_made_again(clone: ProjectCopy, path: str, harm: str) -> None:
    output = clone.root / path
    good = output.read_bytes()
    if harm == "edit":
        output.write_text("[]")
        clone.touch(path)
    elif harm == "delete":
        output.unlink()
    else:
        shutil.rmtree(output.parent)
    assert clone.make("manifests").returncode == 0
    assert output.read_bytes() == good
    if harm != "edit":  # of a time to come is what the test gave it
        assert clone.todo() == set()


def test_all_data_but_the_raw_files_is_made_again(clone: ProjectCopy) -> None:
    before = {path: (clone.root / path).read_bytes() for path in OUTPUTS}
    shutil.rmtree(clone.data.root / "models")
    shutil.rmtree(clone.data.manifests)
    assert clone.make("-j2", "manifests").returncode == 0
    assert {path: (clone.root / path).read_bytes() for path in OUTPUTS} == before
    assert clone.todo() == set()


@pytest.mark.parametrize("header", ["[{}]", '["{}"]', "  [ {} ]"])
def test_a_source_that_the_filters_do_not_name_is_no_part_of_the_graph(clone: ProjectCopy, header: str) -> None:
    shutil.rmtree(clone.data.root / "models")
    text = clone.filters.read_text()
    clone.filters.write_text(text[: text.index("[civitai]")].replace("[huggingface]", header.format("huggingface")))
    assert clone.make("manifests").returncode == 0
    assert clone.todo() == set()
    assert not clone.data.models("civitai").exists()
    clone.touch("data/raw/civitai/default/page-0001.json")
    assert clone.todo() == set()


def test_names_of_other_people_are_in_no_ones_way(clone: ProjectCopy) -> None:
    for folder in (clone.data.manifests, clone.data.raw("huggingface"), clone.data.models("civitai")):
        for name in ("my notes.json", "a:b.json", "50%.json", "$(x).json", "[a].json", "~root", "it's"):
            (folder / name).write_text("{}")
    clone.touch("filters.toml")
    done = clone.make("manifests")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ["data/raw/huggingface/likes/page-0001.json", "filters.toml", "etl/core/layout.py"])
def test_a_run_under_which_something_changes_is_looked_at_again(clone: ProjectCopy, path: str) -> None:
    edit = f'echo >> "{clone.root / path}"'
    program = script(clone.root / "python", f'"{sys.executable}" "$@" && case "$3" in manifests) {edit};; esac')
    shutil.rmtree(clone.data.manifests)
    assert clone.make("manifests", f"python={program}").returncode == 0
    assert "manifests" in clone.todo()


def test_a_recipe_that_failed_is_tried_again(clone: ProjectCopy) -> None:
    clone.touch("schemas/manifest.schema.json")
    assert clone.make("manifests", "python=false").returncode == 2
    os.utime(clone.root / "schemas/manifest.schema.json", (1, 1))
    assert clone.todo() == {"manifests"}


def test_words_that_follow_extract_see_what_it_wrote(tmp_path: Path) -> None:
    clone = put(copy(tmp_path))
    raw, later = clone.data.raw_root, clone.root / "later"
    raw.rename(later)
    program = script(
        clone.root / "python",
        f'echo "$3" >> "{clone.root}/words"; case "$3" in extract) mv "{later}" "{raw}";; *) exec "{sys.executable}" "$@";; esac',
    )
    done = clone.make("-j4", "extract", "manifests", "verify", "diff", f"python={program}")
    assert done.returncode == 0, done.stderr
    words = (clone.root / "words").read_text().split()
    stages = [words[0], sorted(words[1:3]), words[3], sorted(words[4:])]
    assert stages == ["extract", ["transform", "transform"], "manifests", ["diff", "verify"]]
    assert clone.todo() == set()


def test_a_folder_with_spaces_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    clone = put(copy(tmp_path / "a b"))
    assert clone.make("-j2", "manifests").returncode == 0
    assert clone.todo() == set()


def test_clean_removes_what_a_run_made_and_nothing_else(clone: ProjectCopy, tmp_path: Path) -> None:
    theirs = [
        "data/models/README.md", "data/models/huggingface/notes.json", "data/models/huggingface/likes/page-x.json",
        "data/models/mine/default/page-0001.json", ".venv/pyvenv.cfg", "data/.manifests/CNAME",
    ]  # fmt: skip
    for path in theirs:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("theirs")
    stay = {path for folder in ("raw", "manifests") for path in (tmp_path / "data" / folder).rglob("*.json")}
    assert len(stay) > 10
    done = clone.make("clean")
    assert done.returncode == 0
    left = {path for folder in ("data", ".venv") for path in (tmp_path / folder).rglob("*") if path.is_file()}
    left = {path for path in left if {".locks", ".make"}.isdisjoint(path.parts)}  # the folders of running commands
    assert not [path for path in (tmp_path / "data" / ".make").iterdir() if path.name != ".gitignore"]
    assert left == stay | {tmp_path / path for path in theirs}
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "kept: data/models", "kept: data/.manifests", "kept: .venv",
    ]  # fmt: skip
    assert clone.make("manifests").returncode == 0


def test_clean_follows_no_link_and_removes_a_venv_that_make_made(clone: ProjectCopy, tmp_path: Path) -> None:
    models = tmp_path / "elsewhere"
    (tmp_path / "data" / "models").rename(models)
    (tmp_path / "data" / "models").symlink_to(models)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "made-by-make").touch()
    assert clone.make("clean").stdout == "kept: data/models, which contains files that no run created\n"
    assert (models / "huggingface" / "summary.json").exists()
    assert not (tmp_path / ".venv").exists()


def test_a_reader_that_leaves_early_costs_no_file(clone: ProjectCopy) -> None:
    good = {path: (clone.root / path).read_bytes() for path in OUTPUTS}
    shutil.rmtree(clone.data.root / "models")
    shutil.rmtree(clone.data.manifests)
    words = f"cd '{clone.root}' && make python='{sys.executable}' manifests | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", words], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert clone.make("manifests").returncode == 0
    assert {path: (clone.root / path).read_bytes() for path in OUTPUTS} == good


def test_links_to_nothing_and_names_with_line_breaks_stop_nothing(clone: ProjectCopy) -> None:
    for folder in ("manifests", "models/huggingface", "raw/huggingface"):
        (clone.data.root / folder / "dangling").symlink_to("nowhere")
        (clone.data.root / folder / "a\nb").touch()
    assert clone.make("manifests").returncode == 0
    assert (clone.data.manifests / "dangling").is_symlink()
    assert (clone.data.manifests / "a\nb").is_file()
    assert clone.make("manifests").stdout == "make: Nothing to be done for 'manifests'.\n"


def test_a_recipe_cannot_be_named_on_the_command_line(clone: ProjectCopy, tmp_path: Path) -> None:
    assert clone.make("manifests", f"stamped=touch {tmp_path}/x", f"bootstrap=touch {tmp_path}/y").returncode == 0
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "y").exists()


def test_clean_waits_for_who_uses_what_it_removes(clone: ProjectCopy) -> None:
    summary = clone.data.summary("civitai")
    command = ["make", f"python={sys.executable}", "clean", "FILTERS=filters.toml"]
    with Locks(clone.data.root, "etl manifests", print).hold(reads=[summary.parent]):
        process = subprocess.Popen(command, cwd=clone.root, env=environment(), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline() == "writing data/models/civitai: waiting for a process that reads it, up to 60 s\n"
        assert summary.exists()
    process.communicate()
    assert process.returncode == 0
    assert not summary.exists()


def test_clean_without_a_venv_or_locks_takes_any_python_and_makes_no_folder(clone: ProjectCopy) -> None:
    command = ["make", "clean", "FILTERS=filters.toml"]
    shutil.rmtree(clone.data.root / ".locks")
    done = subprocess.run(command, cwd=clone.root, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (clone.data.root / ".locks").exists()
    assert not (clone.data.root / "models").exists()

"""The graph of files: what a change rebuilds, and what remains to do after a failure."""

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


def write_raw(clone: ProjectCopy) -> ProjectCopy:
    """Write raw files of both sources into a copy of the project."""
    clone.write_stream("huggingface", "default", [hf("o/a")], [hf("o/b")])
    clone.write_stream("huggingface", "likes", [hf("o/a")])
    clone.write_stream("civitai", "default", [civitai(1)])
    return clone


@pytest.fixture(scope="session")
def built_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with its manifests; for copying only."""
    project = write_raw(copy(tmp_path_factory.mktemp("built")))
    assert project.make("-j2", "manifests").returncode == 0
    assert project.outdated() == set()
    return project.root


@pytest.fixture
def clone(built_project: Path, tmp_path: Path) -> ProjectCopy:
    """Return a copy of the project with its manifests; file times are those of the original."""
    shutil.copytree(built_project, tmp_path, dirs_exist_ok=True)
    return ProjectCopy(DataDir(tmp_path / "data"), tmp_path / "filters.toml")


EVERYTHING = {"huggingface", "civitai", "manifests"}


@pytest.mark.parametrize(
    ("path", "rebuilt"),
    [
        ("etl/sources/civitai/transform.jq", {"civitai", "manifests"}),
        ("etl/sources/huggingface/transform.jq", {"huggingface", "manifests"}),
        ("etl/sources/huggingface/size.py", {"huggingface", "manifests"}),
        ("etl/sources/civitai/levels.py", {"civitai", "manifests"}),
        ("etl/sources/licenses.toml", EVERYTHING),
        ("schemas/licenses.schema.json", EVERYTHING),
        ("etl/transform/stage.py", EVERYTHING),
        ("etl/load/stage.py", {"manifests"}),
        ("data/raw/civitai/default/page-0001.json", {"civitai", "manifests"}),
        ("data/raw/huggingface/likes/stream.json", {"huggingface", "manifests"}),
        ("schemas/model.schema.json", EVERYTHING),
        ("schemas/civitai/raw.schema.json", {"civitai", "manifests"}),
        ("schemas/manifest.schema.json", {"manifests"}),
        ("filters.toml", set()),
    ],
)
def test_a_touched_file_rebuilds_its_dependents(clone: ProjectCopy, path: str, rebuilt: set[str]) -> None:
    clone.touch(path)
    assert clone.outdated() == rebuilt


def test_changed_filters_are_detected_by_content_not_by_time(clone: ProjectCopy) -> None:
    other = clone.root / "other.toml"
    other.write_text(clone.filters.read_text().replace('"small", "large", ', ""))
    os.utime(other, (1, 1))
    assert clone.make("manifests", "FILTERS=other.toml").returncode == 0
    assert not (clone.data.manifests / "hf-filter-small.json").exists()
    assert clone.make("manifests").returncode == 0
    assert (clone.data.manifests / "hf-filter-small.json").exists()
    assert clone.outdated() == set()


def test_a_removed_stream_leaves_no_models_and_is_reported_by_every_run(clone: ProjectCopy) -> None:
    shutil.rmtree(clone.data.raw("huggingface", "likes"))
    for _ in range(2):
        done = clone.make("manifests")
        assert done.returncode == 2
        assert "hf-filter-likes.json: not published" in done.stderr
    assert not clone.data.models("huggingface", "likes").exists()
    assert not (clone.data.manifests / "hf-filter-likes.json").exists()
    assert (clone.data.manifests / "hf-filter-apache.json").exists()
    clone.write_stream("huggingface", "likes", [hf("o/a")])
    assert clone.make("manifests").returncode == 0


def test_an_invalid_page_stops_before_publishing_until_it_is_fixed(clone: ProjectCopy) -> None:
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


def test_verify_checks_the_files_on_disk(clone: ProjectCopy) -> None:
    assert clone.make("verify").returncode == 0
    (clone.data.manifests / "index.json").write_text("{}")
    done = clone.make("verify")
    assert "Error 1" in done.stderr
    assert "data/manifests/index.json: $" in done.stdout


def test_report_builds_what_changed_and_shows_what_is_missing_or_damaged(clone: ProjectCopy) -> None:
    clone.write_stream("huggingface", "default", [hf("o/new")])
    done = clone.make("report")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"data/report/index\.html: 0\.\d MB; 17 checks, 0 failed", done.stdout.splitlines()[-1])
    page = clone.data.report
    assert "o/new" in page.read_text()
    shutil.rmtree(clone.data.raw("huggingface", "likes"))
    done = clone.make("report")
    assert (done.returncode, done.stdout.splitlines()[-1].split("; ")[1]) == (0, "17 checks, 1 failed")
    assert "no stream likes on disk" in page.read_text()
    before = page.read_bytes()
    (clone.data.raw("huggingface", "default") / "page-0001.json").write_text("<html>")
    done = clone.make("report")
    assert "page-0001.json: is not JSON" in done.stderr
    assert "summary.json: not found; build the models first: make manifests\nmake: *** " in done.stderr
    assert (done.returncode, page.read_bytes()) == (2, before)
    assert clone.make("clean").returncode == 0
    assert not page.parent.exists()


def test_explain_rebuilds_outdated_models_first(clone: ProjectCopy) -> None:
    clone.write_stream("huggingface", "default", [hf("o/a")], [hf("o/b")], [hf("o/c")])
    done = clone.make("explain", "FILTER=hf/other", "AGAINST=")
    assert done.returncode == 0, done.stderr
    assert "        1  over the limit" in done.stdout
    assert "2 models in both" in clone.make("explain", "FILTER=hf/other", "AGAINST=hf-filter-other.json").stdout
    assert "Error 2" in clone.make("explain").stderr


def test_values_rebuild_outdated_models_of_the_source_first(clone: ProjectCopy) -> None:
    clone.write_stream("huggingface", "default", [hf("o/a", tags=["new"])], [hf("o/b")])
    clone.write_stream("civitai", "default", [civitai(1), civitai(2)])
    done = clone.make("values", "SOURCE=huggingface")
    assert done.returncode == 0, done.stderr
    assert re.search(r'^  tags +"new" 1; \[\] 2$', done.stdout, re.MULTILINE)
    assert "civitai: " not in done.stdout
    assert clone.outdated() == {"civitai", "manifests"}
    assert clone.make("values", "FIELD=base").stdout.splitlines()[-1] == '  2        2  "SD 1.5"'
    assert "Error 2" in clone.make("values", "FIELD=bass").stderr


def test_help_lists_every_target(clone: ProjectCopy) -> None:
    output = clone.make().stdout
    assert re.findall(r"^make ([\w-]+) ", output, flags=re.MULTILINE) == re.findall(
        r"^([\w-]+):.* ## ", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE
    )
    assert "make manifests" in output


def imports(module: str) -> set[str]:
    """Return the paths of a module and of all it imports, directly or not, except for type checking."""
    loaded: set[str] = set()
    pending = [module]
    while pending:
        parts = pending.pop().split(".")
        pending += [".".join(parts[:count]) for count in range(1, len(parts))]
        paths = (Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py"))
        path = next((path for path in paths if (PROJECT / path).is_file()), None)
        if path is None or str(path) in loaded:
            continue
        loaded.add(str(path))
        nodes: list[ast.AST] = [ast.parse((PROJECT / path).read_text())]
        while nodes:
            node = nodes.pop()
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            if isinstance(node, ast.Import):
                pending += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                pending += [f"{node.module}{name}" for alias in node.names for name in ("", f".{alias.name}")]
            nodes += ast.iter_child_nodes(node)
    return loaded


def test_every_import_of_the_transform_is_in_its_fingerprint() -> None:
    modules = ("etl.transform.stage", "etl.sources.huggingface.rules", "etl.sources.civitai.rules")
    loaded = {path for path in set().union(*map(imports, modules)) if not path.endswith("/__init__.py")}
    assert len(loaded) > 13
    hashed = {
        str(path.relative_to(PROJECT)) for pattern in (*PROGRAM, "sources/*/*.py") for path in (PROJECT / "etl").glob(pattern)
    }
    assert {*loaded, "etl/sources/licenses.toml"} <= hashed


def test_every_module_rebuilds_its_dependents(clone: ProjectCopy) -> None:
    config = imports("etl.config.load")
    models, manifests = (imports(f"etl.{stage}.stage") | config for stage in ("transform", "load"))
    modules = sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "etl").rglob("*.py"))
    assert len(modules) > 50
    for module in modules:
        stat = (clone.root / module).stat()
        clone.touch(module)
        rebuilt = clone.outdated()
        os.utime(clone.root / module, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        package, *rest = Path(module).parts[1:]
        if package == "sources" and len(rest) == 2:
            assert rebuilt == ({rest[0], "manifests"} if rest[0] in EVERYTHING else set()), module
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
def test_an_edited_or_deleted_output_is_rebuilt(clone: ProjectCopy, path: str, harm: str) -> None:
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
    if harm != "edit":  # the test gave an edited file a future time
        assert clone.outdated() == set()


def test_all_data_except_raw_files_is_rebuilt(clone: ProjectCopy) -> None:
    before = {path: (clone.root / path).read_bytes() for path in OUTPUTS}
    shutil.rmtree(clone.data.root / "models")
    shutil.rmtree(clone.data.manifests)
    assert clone.make("-j2", "manifests").returncode == 0
    assert {path: (clone.root / path).read_bytes() for path in OUTPUTS} == before
    assert clone.outdated() == set()


@pytest.mark.parametrize("header", ["[{}]", '["{}"]', "  [ {} ]"])
def test_a_source_without_filters_is_not_in_the_graph(clone: ProjectCopy, header: str) -> None:
    shutil.rmtree(clone.data.root / "models")
    text = clone.filters.read_text()
    clone.filters.write_text(text[: text.index("[civitai]")].replace("[huggingface]", header.format("huggingface")))
    assert clone.make("manifests").returncode == 0
    assert clone.outdated() == set()
    assert "etl transform" not in clone.make("-n", "values").stdout
    assert not clone.data.models("civitai").exists()
    clone.touch("data/raw/civitai/default/page-0001.json")
    assert clone.outdated() == set()


def test_unusual_names_of_other_files_cause_no_failure(clone: ProjectCopy) -> None:
    for folder in (clone.data.manifests, clone.data.raw("huggingface"), clone.data.models("civitai")):
        for name in ("my notes.json", "a:b.json", "50%.json", "$(x).json", "[a].json", "~root", "it's"):
            (folder / name).write_text("{}")
    clone.touch("filters.toml")
    done = clone.make("manifests")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ["data/raw/huggingface/likes/page-0001.json", "filters.toml", "etl/core/layout.py"])
def test_a_change_during_a_run_causes_another_build(clone: ProjectCopy, path: str) -> None:
    edit = f'echo >> "{clone.root / path}"'
    program = script(clone.root / "python", f'"{sys.executable}" "$@" && case "$3" in manifests) {edit};; esac')
    shutil.rmtree(clone.data.manifests)
    assert clone.make("manifests", f"python={program}").returncode == 0
    assert "manifests" in clone.outdated()


def test_a_failed_recipe_runs_again(clone: ProjectCopy) -> None:
    clone.touch("schemas/manifest.schema.json")
    assert clone.make("manifests", "python=false").returncode == 2
    os.utime(clone.root / "schemas/manifest.schema.json", (1, 1))
    assert clone.outdated() == {"manifests"}


def test_targets_after_extract_see_its_files(tmp_path: Path) -> None:
    clone = write_raw(copy(tmp_path))
    raw, later = clone.data.raw_root, clone.root / "later"
    raw.rename(later)
    program = script(
        clone.root / "python",
        f'[ "$2" != etl ] || echo "$3" >> "{clone.root}/calls"; '
        f'case "$3" in extract) mv "{later}" "{raw}";; *) exec "{sys.executable}" "$@";; esac',
    )
    done = clone.make("-j4", "extract", "manifests", "verify", "diff", f"python={program}")
    assert done.returncode == 0, done.stderr
    ran = (clone.root / "calls").read_text().split()
    stages = [ran[0], sorted(ran[1:3]), ran[3], sorted(ran[4:])]
    assert stages == ["extract", ["transform", "transform"], "manifests", ["diff", "verify"]]
    assert clone.outdated() == set()


def test_a_project_path_with_spaces_works(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    clone = write_raw(copy(tmp_path / "a b"))
    assert clone.make("-j2", "manifests").returncode == 0
    assert clone.outdated() == set()


def test_clean_removes_only_what_runs_created(clone: ProjectCopy, tmp_path: Path) -> None:
    foreign = [
        "data/models/README.md", "data/models/huggingface/notes.json", "data/models/huggingface/likes/page-x.json",
        "data/models/mine/default/page-0001.json", ".venv/pyvenv.cfg", "data/.manifests/CNAME",
    ]  # fmt: skip
    for path in foreign:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("foreign")
    kept = {path for folder in ("raw", "manifests") for path in (tmp_path / "data" / folder).rglob("*.json")}
    assert len(kept) > 10
    done = clone.make("clean")
    assert done.returncode == 0
    remaining = {path for folder in ("data", ".venv") for path in (tmp_path / folder).rglob("*") if path.is_file()}
    remaining = {path for path in remaining if {".locks", ".make"}.isdisjoint(path.parts)}  # used by running commands
    assert not [path for path in (tmp_path / "data" / ".make").iterdir() if path.name != ".gitignore"]
    assert remaining == kept | {tmp_path / path for path in foreign}
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "kept: data/models", "kept: data/.manifests", "kept: .venv",
    ]  # fmt: skip
    assert clone.make("manifests").returncode == 0


def test_clean_follows_no_links_and_removes_the_venv_of_make(clone: ProjectCopy, tmp_path: Path) -> None:
    models = tmp_path / "elsewhere"
    (tmp_path / "data" / "models").rename(models)
    (tmp_path / "data" / "models").symlink_to(models)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "made-by-make").touch()
    assert clone.make("clean").stdout == "kept: data/models, which contains files that no run created\n"
    assert (models / "huggingface" / "summary.json").exists()
    assert not (tmp_path / ".venv").exists()


def test_a_closed_pipe_loses_no_file(clone: ProjectCopy) -> None:
    good = {path: (clone.root / path).read_bytes() for path in OUTPUTS}
    shutil.rmtree(clone.data.root / "models")
    shutil.rmtree(clone.data.manifests)
    command = f"cd '{clone.root}' && make python='{sys.executable}' manifests | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert clone.make("manifests").returncode == 0
    assert {path: (clone.root / path).read_bytes() for path in OUTPUTS} == good


def test_dangling_links_and_names_with_line_breaks_cause_no_failure(clone: ProjectCopy) -> None:
    for folder in ("manifests", "models/huggingface", "raw/huggingface"):
        (clone.data.root / folder / "dangling").symlink_to("nowhere")
        (clone.data.root / folder / "a\nb").touch()
    assert clone.make("manifests").returncode == 0
    assert (clone.data.manifests / "dangling").is_symlink()
    assert (clone.data.manifests / "a\nb").is_file()
    assert clone.make("manifests").stdout == "make: Nothing to be done for 'manifests'.\n"


def test_a_recipe_cannot_be_replaced_from_the_command_line(clone: ProjectCopy, tmp_path: Path) -> None:
    assert clone.make("manifests", f"stamped=touch {tmp_path}/x", f"bootstrap=touch {tmp_path}/y").returncode == 0
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "y").exists()


def test_clean_removes_npm_packages_only_if_make_installed_them(clone: ProjectCopy) -> None:
    modules = clone.root / "examples" / "node_modules"
    (modules / "typescript").mkdir(parents=True)
    assert clone.make("clean").returncode == 0
    assert modules.exists()
    (modules / ".installed").touch()
    assert clone.make("clean").returncode == 0
    assert not modules.exists()


def test_clean_waits_for_users_of_the_files_it_removes(clone: ProjectCopy) -> None:
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


def test_clean_without_venv_or_locks_uses_any_python_and_creates_no_folder(clone: ProjectCopy) -> None:
    command = ["make", "clean", "FILTERS=filters.toml"]
    shutil.rmtree(clone.data.root / ".locks")
    done = subprocess.run(command, cwd=clone.root, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (clone.data.root / ".locks").exists()
    assert not (clone.data.root / "models").exists()

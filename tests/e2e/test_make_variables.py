"""Variables of Make: plain text that neither make nor a shell expands, from the command line or the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.core.layout import source_names
from tests.support.project_copy import VARIABLES, ProjectCopy, copy, script

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

OTHERS = ["--data=data", "--filters=filters.toml"]
VALUES = [
    "$(shell touch PWNED)", "$$(touch PWNED)", "$(touch PWNED)", "${shell touch PWNED}", "`touch PWNED`", ";touch PWNED",
    "$(eval x:=$(shell touch PWNED))", "$(error stop)", "'; touch PWNED; '", '"; touch PWNED; "', "&& touch PWNED", "> PWNED",
    "@touch PWNED", "+touch PWNED", "-touch PWNED", "a b", "a  b ", "x\ny", "x\n", "%", "a%b", "#x", "a#b", "$", "$$", "$(",
    "${X}", "$@", "*", "~", "\\", "a\\", "a\\ b", "a\\\nb", "(", ")", ",", "a,b", "=", ":=", "!", "'", '"',
    "-x", "--data=/x", "--", "é☃",
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """Return a copy of the project whose Python logs its arguments."""
    clone = copy(tmp_path_factory.mktemp("project"))
    script(clone.root / "python", f"printf '%s\\0' \"${{@:3}}\" END >> '{clone.root}/calls'")
    return clone


def calls(
    project: ProjectCopy, *args: str, env: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    """Run make; return its result and the commands of etl that it ran, each with its options."""
    log = project.root / "calls"
    log.write_text("")
    done = project.make(f"python={project.root / 'python'}", *args, env=env)
    return done, [call.split("\0")[:-1] for call in log.read_text().split("END\0")[:-1]]


def assignments(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_passed_unchanged(project: ProjectCopy, value: str) -> None:
    variables = dict.fromkeys(
        ("FILTERS", "MAX_AGE", "OLDEST", "BASE", "NEW", "FILTER", "AGAINST", "FIELD", "UNKNOWN", "etl", "look"), value
    )
    commands = ("plan", "verify", "diff", "explain", "values")
    where = ["--data=data", f"--filters={value}"]
    expected = [
        ["plan", *where, f"--max-age={value}"],
        ["verify", *where, f"--base={value}", f"--max-age={value}"],
        ["diff", *where, "--", value, value],
        ["explain", *where, f"--against={value}", "--", value],
        ["values", *where, f"--field={value}"],
    ]
    for args, env in ((assignments(variables), {}), ([], variables), (["extract", *assignments(variables)], {})):
        ran = calls(project, *args, *commands, env=env)[1]
        assert [call for call in ran if call[0] in commands] == expected
    assert not (project.root / "PWNED").exists()


@pytest.mark.parametrize(("variable", "option"), [("JOBS", "--jobs"), ("CLUSTER", "--cluster")])
def test_every_command_that_transforms_gets_its_workers(project: ProjectCopy, variable: str, option: str) -> None:
    ran = calls(project, f"{variable}=$(touch PWNED)", "refresh", "manifests")[1]
    assert [call[0] for call in ran if f"{option}=$(touch PWNED)" in call] == ["refresh", "transform", "transform", "manifests"]


def test_a_list_is_split_at_whitespace_only(project: ProjectCopy) -> None:
    text = " hf/small\tcivitai/*\n$(touch PWNED) --x "
    items = ["hf/small", "civitai/*", "$(touch", "PWNED)", "--x"]
    for variables in ({"ALLOW_SHRINK": text}, {"ALLOW_REJECTED": text}):
        option = "--" + next(iter(variables)).lower().replace("_", "-")
        for target in ("verify", "refresh"):
            for _, ran in (calls(project, target, *assignments(variables)), calls(project, target, env=variables)):
                assert ran == [[target, *OTHERS, *(f"{option}={item}" for item in items)]]


def test_base_and_new_are_arguments_of_diff(project: ProjectCopy) -> None:
    assert calls(project, "diff")[1] == [["diff", *OTHERS, "--"]]
    assert calls(project, "diff", "BASE=a b")[1] == [["diff", *OTHERS, "--", "a b"]]
    assert calls(project, "diff", "NEW=c")[1] == [["diff", *OTHERS, "--", "HEAD", "c"]]
    assert calls(project, "diff", "BASE=-a", "NEW=c")[1] == [["diff", *OTHERS, "--", "-a", "c"]]


def test_values_with_dashes_are_not_options(project: ProjectCopy) -> None:
    for target, variables in (("diff", {"BASE": "--json"}), ("explain", {"FILTER": "--json"}), ("plan", {"FILTERS": "--help"})):
        done = project.make(target, *assignments(variables))
        assert done.returncode == 2
        assert "--json" in done.stderr or "--help: cannot be read" in done.stderr
        assert "usage" not in done.stdout + done.stderr


RESERVED = [*"$;:#%*?[]~'\"\\&|<>(){}!`=,", "\t", "\n", "\v", "\r"]
INVALID = {"": "must name a folder", " ": "must name a folder", "a b": "must be one word", "a\n": "must be one word"}
INVALID |= {"-x": "must not start with a dash", "~/x": "must not contain ~"}
INVALID |= dict.fromkeys(("/", "//", "/.", "/tmp/.."), "must be a folder below /")  # noqa: S108 -- nothing is written there
INVALID |= {f"a{char}b": "must be one word" if char.isspace() else f"must not contain {char} " for char in RESERVED}


@pytest.mark.parametrize("value", INVALID)
def test_an_unsafe_data_folder_is_rejected(project: ProjectCopy, value: str) -> None:
    before = sorted(project.root.rglob("*"))
    for target in ("manifests", "clean", "extract"):
        for done, ran in (calls(project, target, f"DATA={value}"), calls(project, target, env={"DATA": value})):
            assert (done.returncode, ran) == (2, [])
            assert f"{INVALID[value]}" in done.stderr
    assert sorted({*project.root.rglob("*")} - {project.root / "calls"}) == sorted({*before} - {project.root / "calls"})
    assert project.make("help", f"DATA={value}").stdout == project.make().stdout


def test_a_link_to_the_root_is_rejected(project: ProjectCopy) -> None:
    (project.root / "root").symlink_to("/")
    assert "must be a folder below /" in project.make("clean", "DATA=root").stderr


@pytest.mark.parametrize("value", ["x", "civitai huggingface", " ", "%", "civi%", "$(shell touch PWNED)", "a:b"])
def test_an_unknown_source_is_rejected(project: ProjectCopy, value: str) -> None:
    for target in ("extract", "transform", "manifests"):
        done, ran = calls(project, target, env={"SOURCE": value})
        assert (done.returncode, ran) == (2, [])
        assert done.stderr.endswith(f"unknown source; choose from {' '.join(source_names())}.  Stop.\n")
    assert not (project.root / "PWNED").exists()


def test_a_missing_filters_file_is_reported_by_python(project: ProjectCopy) -> None:
    assert calls(project, "manifests")[0].returncode == 0
    for target in ("manifests", "transform", "plan"):
        done = project.make(target, "FILTERS=no where.toml")
        assert done.returncode == 2
        assert done.stderr.count("no where.toml: cannot be read") == 1
        assert "Error 2" in done.stderr
    assert calls(project, "manifests", "FILTERS=no\nwhere.toml")[1] != []


def test_variables_of_the_environment_are_used_and_reported_once(project: ProjectCopy) -> None:
    env = {"DATA": "other", "SOURCE": "civitai", "BASE": ""}
    done, ran = calls(project, "extract", "verify", env=env)
    assert ran == [
        ["extract", "--data=other", "--filters=filters.toml", "--source=civitai"],
        ["verify", "--data=other", "--filters=filters.toml"],
    ]
    (line,) = done.stderr.splitlines()
    assert line.endswith("from the environment: DATA=other SOURCE")
    assert calls(project, "plan", "DATA=other")[0].stderr == ""


def test_the_tests_get_no_variables(project: ProjectCopy) -> None:
    names = " ".join(VARIABLES)
    script(project.root / "python", f'echo "$@"; for name in {names} python MAKEFLAGS; do echo "${{!name-unset}}"; done')
    done = project.make("test", "DATA=other", "WORKERS=2", f"python={project.root / 'python'}")
    first, *values = done.stdout.splitlines()
    assert first == "-m pytest -q --numprocesses=2"
    assert values == ["unset"] * (len(VARIABLES) + 2)
    assert project.make("test", f"python={project.root / 'python'}").stdout.splitlines()[0] == "-m pytest -q"

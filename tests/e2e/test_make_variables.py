"""Variables of Make: text that no make and no shell reads, from the command line as from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
    """Return a copy of the project; its Python writes down how it is called."""
    clone = copy(tmp_path_factory.mktemp("project"))
    script(clone.root / "python", f"printf '%s\\0' \"${{@:3}}\" END >> '{clone.root}/calls'")
    return clone


def calls(
    project: ProjectCopy, *words: str, env: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    """Run make; return how it ended and the commands of etl that it ran, each a word and its options."""
    log = project.root / "calls"
    log.write_text("")
    done = project.make(f"python={project.root / 'python'}", *words, env=env)
    return done, [each.split("\0")[:-1] for each in log.read_text().split("END\0")[:-1]]


def said(given: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in given.items()]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_arrives_as_it_was_given(project: ProjectCopy, value: str) -> None:
    given = dict.fromkeys(("FILTERS", "MAX_AGE", "OLDEST", "BASE", "NEW", "FILTER", "AGAINST", "UNKNOWN", "etl", "look"), value)
    words = ("plan", "verify", "diff", "explain")
    where = ["--data=data", f"--filters={value}"]
    expected = [
        ["plan", *where, f"--max-age={value}"],
        ["verify", *where, f"--base={value}", f"--max-age={value}"],
        ["diff", *where, "--", value, value],
        ["explain", *where, f"--against={value}", "--", value],
    ]
    for more, env in ((said(given), {}), ([], given), (["extract", *said(given)], {})):
        ran = calls(project, *more, *words, env=env)[1]
        assert [call for call in ran if call[0] in words] == expected
    assert not (project.root / "PWNED").exists()


def test_a_list_is_split_at_white_space_and_nothing_else(project: ProjectCopy) -> None:
    text = " hf/small\tcivitai/*\n$(touch PWNED) --x "
    words = ["hf/small", "civitai/*", "$(touch", "PWNED)", "--x"]
    for given in ({"ALLOW_SHRINK": text}, {"ALLOW_REJECTED": text}):
        option = "--" + next(iter(given)).lower().replace("_", "-")
        for word in ("verify", "refresh"):
            for _, ran in (calls(project, word, *said(given)), calls(project, word, env=given)):
                assert ran == [[word, *OTHERS, *(f"{option}={each}" for each in words)]]


def test_the_sides_of_a_diff(project: ProjectCopy) -> None:
    assert calls(project, "diff")[1] == [["diff", *OTHERS, "--"]]
    assert calls(project, "diff", "BASE=a b")[1] == [["diff", *OTHERS, "--", "a b"]]
    assert calls(project, "diff", "NEW=c")[1] == [["diff", *OTHERS, "--", "HEAD", "c"]]
    assert calls(project, "diff", "BASE=-a", "NEW=c")[1] == [["diff", *OTHERS, "--", "-a", "c"]]


def test_values_with_dashes_are_no_options_of_python(project: ProjectCopy) -> None:
    for word, given in (("diff", {"BASE": "--json"}), ("explain", {"FILTER": "--json"}), ("plan", {"FILTERS": "--help"})):
        done = project.make(word, *said(given))
        assert done.returncode == 2
        assert "--json" in done.stderr or "--help: cannot be read" in done.stderr
        assert "usage" not in done.stdout + done.stderr


ODD = [*"$;:#%*?[]~'\"\\&|<>(){}!`=,", "\t", "\n", "\v", "\r"]
REFUSED = {"": "must name a folder", " ": "must name a folder", "a b": "must be one word", "a\n": "must be one word"}
REFUSED |= {"-x": "must not start with a dash", "~/x": "must not contain ~"}
REFUSED |= dict.fromkeys(("/", "//", "/.", "/tmp/.."), "must be a folder below /")  # noqa: S108 -- nothing is written there
REFUSED |= {f"a{sign}b": "must be one word" if sign.isspace() else f"must not contain {sign} " for sign in ODD}


@pytest.mark.parametrize("value", REFUSED)
def test_a_data_folder_that_make_or_a_shell_would_read_is_refused(project: ProjectCopy, value: str) -> None:
    before = sorted(project.root.rglob("*"))
    for word in ("manifests", "clean", "extract"):
        for done, ran in (calls(project, word, f"DATA={value}"), calls(project, word, env={"DATA": value})):
            assert (done.returncode, ran) == (2, [])
            assert f"{REFUSED[value]}" in done.stderr
    assert sorted({*project.root.rglob("*")} - {project.root / "calls"}) == sorted({*before} - {project.root / "calls"})
    assert project.make("help", f"DATA={value}").stdout == project.make().stdout


def test_a_link_to_the_root_is_refused(project: ProjectCopy) -> None:
    (project.root / "root").symlink_to("/")
    assert "must be a folder below /" in project.make("clean", "DATA=root").stderr


@pytest.mark.parametrize("value", ["x", "civitai huggingface", " ", "%", "civi%", "$(shell touch PWNED)", "a:b"])
def test_an_unknown_source_is_refused(project: ProjectCopy, value: str) -> None:
    for word in ("extract", "transform", "manifests"):
        done, ran = calls(project, word, env={"SOURCE": value})
        assert (done.returncode, ran) == (2, [])
        assert done.stderr.endswith("unknown source; choose from civitai huggingface.  Stop.\n")
    assert not (project.root / "PWNED").exists()


def test_filters_that_are_not_there_are_told_by_python(project: ProjectCopy) -> None:
    assert calls(project, "manifests")[0].returncode == 0
    for word in ("manifests", "transform", "plan"):
        done = project.make(word, "FILTERS=no where.toml")
        assert done.returncode == 2
        assert done.stderr.count("no where.toml: cannot be read") == 1
        assert "Error 2" in done.stderr
    assert calls(project, "manifests", "FILTERS=no\nwhere.toml")[1] != []


def test_what_the_environment_says_counts_and_is_told_once(project: ProjectCopy) -> None:
    env = {"DATA": "other", "SOURCE": "civitai", "BASE": ""}
    done, ran = calls(project, "extract", "verify", env=env)
    assert ran == [
        ["extract", "--data=other", "--filters=filters.toml", "--source=civitai"],
        ["verify", "--data=other", "--filters=filters.toml"],
    ]
    (line,) = done.stderr.splitlines()
    assert line.endswith("from the environment: DATA=other SOURCE")
    assert calls(project, "plan", "DATA=other")[0].stderr == ""


def test_tests_get_none_of_the_variables(project: ProjectCopy) -> None:
    names = " ".join(VARIABLES)
    script(project.root / "python", f'echo "$@"; for each in {names} python MAKEFLAGS; do echo "${{!each-unset}}"; done')
    done = project.make("test", "DATA=other", "WORKERS=2", f"python={project.root / 'python'}")
    first, *values = done.stdout.splitlines()
    assert first == "-m pytest -q --numprocesses=2"
    assert values == ["unset"] * (len(VARIABLES) + 2)
    assert project.make("test", f"python={project.root / 'python'}").stdout.splitlines()[0] == "-m pytest -q"

"""Any content of a ledger, filters.toml or a page gives an exit code, never a traceback."""

from __future__ import annotations

import json
import shutil
import string
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.cli.main import main
from etl.extract import http_client
from tests.conftest import FILTERS, Workspace, hf
from tests.support.fake_api.server import Fault

if TYPE_CHECKING:
    from tests.extract.conftest import LiveWorkspace

EXIT_CODES = {0, 1, 2, 65, 74, 75}
ODD: list[Any] = [
    None, True, -1, 0, "/", "/\n", "/\u0661 \x00", "//x.test:x/", "/?#[", '"\n"',
    2**53, 2**64, 10**300, 1e308, float("inf"), float("nan"), 1.5, "", "x", "\x00", "a" * 5000, "../../x",
    "2026-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "\u0661", [], {}, [[]], {"": {}}, [None],
]  # fmt: skip
VALUES = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BYTES = st.binary(max_size=40) | st.sampled_from(
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 2000,
        b"9" * 5000,
        b"1e999",
        b"NaN",
    ]
)
JSON_PATHS: list[tuple[str, ...]] = [
    (key,) for key in ("strangers", *"pages checked_at complete exhausted failed_at failed duplicates x".split())
]
JSON_PATHS += [("pages", key) for key in "url file sha256 bytes etag fetched_at records next x".split()]
ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", autouse=True)
def _one_attempt() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_client, "MAX_ATTEMPTS", 1)
        yield


def has_exit_code(capsys: pytest.CaptureFixture[str], code: int) -> bool:
    output = capsys.readouterr()
    return code in EXIT_CODES and "Traceback" not in output.err and "error: None" not in output.err


@pytest.mark.parametrize("folder", ["default", ".default"])  # complete, and of an interrupted run
@ANY
@given(json_path=st.sampled_from(JSON_PATHS), value=VALUES)
def test_any_ledger_gives_an_exit_code(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], folder: str, json_path: tuple[str, ...], value: Any
) -> None:
    live.write_stream("huggingface", "default", [hf("o/a")], [hf("o/b")])
    path = live.data.ledger("huggingface", "default")
    ledger = json.loads(path.read_bytes()) | {"complete": folder == "default"}
    if folder != "default":
        shutil.rmtree(path.parent.with_name(folder), ignore_errors=True)
        path = path.parent.rename(path.parent.with_name(folder)) / path.name
        ledger["pages"][-1]["next"] = "/api/models?cursor=x"
    (ledger["pages"][-1] if len(json_path) == 2 else ledger)[json_path[-1]] = value
    path.write_text(json.dumps(ledger))
    for command in (("plan",), ("plan", "--max-age", "1h"), ("extract", "--source", "huggingface", "--max-age", "1h")):
        assert has_exit_code(capsys, live.run(*command))


@ANY
@given(body=BYTES)
def test_any_bytes_as_a_ledger_give_an_exit_code(live: LiveWorkspace, capsys: pytest.CaptureFixture[str], body: bytes) -> None:
    live.write_stream("huggingface", "default", [hf("o/a")])
    live.data.ledger("huggingface", "default").write_bytes(body)
    for command in ("plan", "extract"):
        assert has_exit_code(capsys, live.run(command, "--source", "huggingface"))


@ANY
@given(value=VALUES, as_fields=st.booleans())
def test_any_value_as_a_page_gives_an_exit_code(
    live: LiveWorkspace,
    capsys: pytest.CaptureFixture[str],
    value: Any,
    as_fields: bool,  # noqa: FBT001 -- from hypothesis
) -> None:
    records = [hf(f"o/{number}") | {key: value} for number, key in enumerate(hf("o/a"))] if as_fields else value
    live.hub.fault = lambda *_: Fault(200, json.dumps(records).encode())
    live.civitai.fault = lambda *_: Fault(200, json.dumps({"items": records, "metadata": value}).encode())
    for command in ("extract", "manifests"):
        assert has_exit_code(capsys, live.run(command))


KEYS = ["limit = 2", "depth = 4", "page = 2", "requests = 1", "seconds = 1", "in_flight = 1", 'sort = "downloads"', '"o/skipped"']
KEYS += ['keeps = ["small"]', 'label = "All"', 'manifests = ["likes", "small", "large", "apache", "other"]', 'prefix = "hf"']
NUMBERS = ["1e3", "5.0", "-1", "0", "inf", "nan", "1e-9", "1e400", str(2**64), "9" * 5000, hex(2**2000)]
OTHER_TYPES = [
    "true",
    "1979-05-27",
    "07:32:00",
    "''",
    "[]",
    "{}",
    "[[]]",
    "{ a = {} }",
    "[1979-05-27]",
    "[inf]",
    "{ x = 1.0 }",
    "'a/b'",
]
DEEP = ["[" * 100 + "]" * 100, "[" * 5000, '"\\u0000"']
TOML = st.sampled_from([*NUMBERS, *OTHER_TYPES, *DEEP]) | st.text(string.printable, max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(KEYS), value=TOML)
def test_any_value_in_filters_toml_gives_an_exit_code(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    assert key in FILTERS
    name = f"{key.partition(' = ')[0]} = " if " = " in key else ""
    workspace.filters.write_text(FILTERS.replace(key, name + value, 1))
    code = main(["plan", "--data", str(workspace.data.root), "--filters", str(workspace.filters)])
    assert code in {0, 2}
    assert has_exit_code(capsys, code)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60) | st.text(string.printable, max_size=80).map(str.encode))
def test_any_bytes_as_filters_toml_are_rejected(workspace: Workspace, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    workspace.filters.write_bytes(content)
    code = main(["plan", "--data", str(workspace.data.root), "--filters", str(workspace.filters)])
    assert code == 2
    assert has_exit_code(capsys, code)

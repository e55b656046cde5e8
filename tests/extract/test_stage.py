"""Extraction over HTTP against local servers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etl.cli.progress import ExtractProgress
from etl.core.errors import SourceUnavailableError
from etl.core.layout import PROJECT
from etl.extract import http_client, stream_reader
from etl.extract.stage import exclusive_lock
from etl.storage import locks
from etl.storage.ledger import read_ledger
from tests.support.builders import HIDDEN, NOW, civitai_catalogue, hub_catalogue, rare_models
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Fault, Server
from tests.support.goldens import EPOCH, GOLDEN

if TYPE_CHECKING:
    from etl.extract.stream_reader import StreamReader
    from tests.extract.conftest import LiveWorkspace

LIKES = "sort=likes"


def test_streams_share_three_connections_per_source(live: LiveWorkspace) -> None:
    live.hub.latency_s = live.civitai.latency_s = 0.05
    assert live.run("extract") == 0
    pages = Counter(path.parts[-3] for path in live.data.raw_root.glob("*/*/page-*.json"))
    assert pages["huggingface"] == 13
    for server, requests in ((live.hub, pages["huggingface"]), (live.civitai, pages["civitai"])):
        assert len(server.calls) == requests
        assert server.max_in_flight == 3
        assert len({call.connection for call in server.calls}) == 3
        assert server.ignored == set()
        assert {call.status for call in server.calls} == {200}
        assert len({call.target for call in server.calls}) == requests
        for call in server.calls:
            assert re.fullmatch(r"model-manifests/[\d.]+; python-requests/[\d.]+", call.headers["User-Agent"])
            assert call.headers["Accept-Encoding"] == "gzip"
            assert "Authorization" not in call.headers


@pytest.mark.parametrize("base", ["", "/hf"])
def test_mirror_links_are_requested_from_the_mirror(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    assert live.run("extract", "--source", "huggingface") == 0
    direct = {path: path.read_bytes() for path in live.data.raw("huggingface").glob("*/page-*.json")}
    live.hub.reset()
    shutil.rmtree(live.data.raw("huggingface"))
    with Server(Hub(hub_catalogue(), token="good")) as original:  # noqa: S106 -- of the local server
        live.hub.api, live.hub.base = Hub(hub_catalogue(), token="good", origin=original.url), base  # noqa: S106
        live.hub.encoded.cache_clear()
        monkeypatch.setenv("HF_ENDPOINT", live.hub.url)
        monkeypatch.setenv("HF_TOKEN", "good")
        assert live.run("extract", "--source", "huggingface") == 0
        link = live.hub.api.respond([("limit", "1")], {}, live.hub.url).headers["Link"]
        assert link.startswith(f"<{original.url}/api/models?limit=1&cursor=")
        assert original.calls == []
    assert {path: path.read_bytes() for path in live.data.raw("huggingface").glob("*/page-*.json")} == direct
    assert len(direct) == len(live.hub.calls) > 3
    urls = [page.url for page in read_ledger(live.data, "huggingface", "default").pages]
    assert {url.split("?")[0] for url in urls} == {f"{base}/api/models"}


def test_rate_limits_requests_per_window(live: LiveWorkspace) -> None:
    text = live.filters.read_text()
    assert "requests = 500, seconds = 300" in text
    live.filters.write_text(text.replace("requests = 500, seconds = 300", "requests = 5, seconds = 0.5"))
    assert live.run("extract", "--source", "huggingface") == 0
    times = [call.began for call in live.hub.calls]
    assert len(times) == 13
    assert min(later - earlier for earlier, later in zip(times, times[5:], strict=False)) > 0.4
    assert times[4] - times[0] < 0.4
    assert live.civitai.calls == []


def test_429_does_not_block_other_requests(live: LiveWorkspace, caplog: pytest.LogCaptureFixture) -> None:
    live.filters.write_text(live.filters.read_text().replace("seconds = 300", "seconds = 8"))
    live.hub.fault = lambda target, _: Fault(429, b"slow down") if LIKES in target else None
    assert live.run("extract", "--source", "huggingface") == 75
    assert live.hub.calls[-1].ended - live.hub.calls[0].began < 7
    assert caplog.records == []  # the limiter would warn that it cannot block a window


def test_failed_stream_keeps_its_pages_and_affects_no_other(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live.run("extract") == 0
    before = live.stream("huggingface", "likes")
    live.hub.fault = lambda target, _: Fault(503, b"<html>\x1b[31mdown") if LIKES in target and "cursor" in target else None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    capsys.readouterr()
    assert live.run("extract") == 75
    output = capsys.readouterr()
    assert "13 streams, 1 failed" in output.out
    assert "failed: huggingface/likes: page 2: http://127.0.0.1:" in output.err
    assert "HTTP 503 Service Unavailable: <html>�[31mdown; retry later" in output.err
    after = live.stream("huggingface", "likes")
    ledger = json.loads(after.pop("stream.json"))
    assert (ledger["failed_at"], ledger["complete"]) == ("2027-01-15T08:00:00.000Z", True)
    before.pop("stream.json")
    assert after == before
    assert read_ledger(live.data, "civitai", "default").checked_at == "2027-01-15T08:00:00.000Z"
    assert live.run("manifests") == 0
    assert live.entry("hf-filter-likes.json")["stale"] == "2027-01-15T08:00:00.000Z"
    live.hub.fault = lambda *_: None
    assert live.run("refresh") == 0
    assert live.entry("hf-filter-likes.json")["stale"] is None


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (Fault(400, '{"error":"✖ Invalid sort"}'.encode()), 65, "HTTP 400 Bad Request: "),
        (Fault(302, b"", {"Location": "http://127.0.0.1:9/"}), 65, "it redirects to http://127.0.0.1:9/, which is not followed"),
        (Fault(404, b"{}"), 65, "has it moved?"),
        (Fault(403, b"<html>Just a moment"), 75, "retry later or from elsewhere"),
        (
            Fault(200, b"<html>maintenance", {"Content-Type": "text/html"}),
            75,
            "not JSON (expected JSON, got <html>maintenance); retry later",
        ),
        (Fault(200, b'[{"id":"a'), 65, "is not JSON"),
        (Fault(200, b'[{"id":"a","id":"b"}]'), 65, "an object has a duplicate key"),
        (
            Fault(200, b"not gzip", {"Content-Encoding": "gzip"}),
            75,
            "cannot be decompressed as its Content-Encoding says; retry later",
        ),
        (Fault(401, b"{}"), 2, "fix, set or unset HF_TOKEN"),
        (Fault(451, b"{}"), 75, "in this region"),
        (Fault(hangs_up=True), 75, "connection closed without a response; retry later"),
        (Fault(truncates_body=True), 75, "retry later"),
        (Fault(200, b'{"error":"x"}'), 65, "is not a page of records"),
        (Fault(200, b"[1]"), 0, "13 streams, 0 failed"),
        (Fault(200, b'[{"id":NaN}]'), 65, "NaN is not a JSON number"),
    ],
)
def test_failures_have_a_message_and_an_exit_code(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], fault: Fault, code: int, message: str
) -> None:
    live.hub.fault = lambda target, _: fault if LIKES in target else None
    assert live.run("extract") == code
    output = capsys.readouterr()
    assert message in output.err + output.out
    assert "Traceback" not in output.err
    assert live.data.ledger("civitai", "default").exists()
    assert live.data.ledger("huggingface", "default").exists() == (code != 2)
    assert live.data.ledger("huggingface", "likes").exists() == (code == 0)


def test_token_is_sent_to_its_source_only_and_never_written(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password from-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HF_TOKEN", " good\n")
    assert live.run("refresh") == 0
    assert {call.headers["Authorization"] for call in live.hub.calls} == {"Bearer good"}
    assert not any("Authorization" in call.headers for call in live.civitai.calls)
    before = len(live.civitai.calls)
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    monkeypatch.setenv("CIVITAI_API_KEY", "k3y")
    assert live.run("extract") == 2
    assert {call.headers["Authorization"] for call in live.civitai.calls[before:]} == {"Bearer k3y"}
    written = b"".join(path.read_bytes() for path in live.data.root.rglob("*.json"))
    output = capsys.readouterr()
    assert len(written) > 10_000
    for word in ("s3cr3t", "k3y", "from-netrc"):
        assert word.encode() not in written
        assert word not in output.out + output.err


ECHOED = "hf_s3cr3t/+=&x"
SPELLINGS = (ECHOED, "hf_s3cr3t%2F%2B%3D%26x")
NEXT = "</api/models?limit=6&cursor=x&token={}>; rel=next"


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("status", "body", "name", "value", "code"),
    [
        (200, '[{{"id":"a/b","author":"{}"}}]', "X-A", "", 65),
        (200, "[]", "Link", NEXT, 65),
        (200, "[]", "ETag", '"{}"', 65),
        (200, "Bearer {}", "Content-Type", "text/plain", 65),
        (304, "", "ETag", '"{}"', 65),
        (302, "", "Location", "https://y.org/?token={}", 65),
        (400, '{{"error":"no {}"}}', "X-A", "", 65),
        (401, '{{"error":"no {}"}}', "X-A", "", 2),
        (503, "x" * 196 + "{}", "X-Echo", "{}", 75),
    ],
)
def test_echoed_token_is_never_written(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    spelling: str, status: int, body: str, name: str, value: str, code: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", ECHOED)
    headers = {name: value.format(spelling)}
    live.hub.fault = lambda *_: Fault(status, body.format(spelling).encode(), headers)
    assert live.run("extract", "--verbose", "--source", "huggingface") == code
    assert {call.headers["Authorization"] for call in live.hub.calls} == {f"Bearer {ECHOED}"}
    output = capfd.readouterr()
    assert "attempt 1" in output.err
    written = [path.read_bytes() for path in live.data.root.rglob("*") if path.is_file()]
    assert not any(b"s3cr3t" in text for text in [*written, output.out.encode(), output.err.encode()])


def test_cursor_with_an_escaped_token_is_rejected(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIVITAI_API_KEY", "k3yk3y")
    pages = [b'{"items":[],"metadata":{"nextCursor":"\\u006b3yk3y"}}', b'{"items":[],"metadata":{}}']
    live.civitai.fault = lambda target, _: Fault(200, pages["cursor" in target])
    assert live.run("extract", "--source", "civitai") == 65
    assert list(live.data.raw_root.rglob("*.json")) == []


@pytest.mark.parametrize("token", ["s3c\nr3t", "s3cr3t€", "s3c\x7fr3t", "s3c r3t", 's3c"r3t', "s3c\\r3t"])
def test_token_invalid_in_a_header_is_a_usage_error(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert live.run("extract") == 2
    errors = capsys.readouterr().err
    assert errors.startswith("HF_TOKEN contains a character that HTTP headers do not allow")
    assert token not in errors
    assert live.hub.calls + live.civitai.calls == []


INVALID_ENDPOINTS = [
    "ftp://127.0.0.1", "127.0.0.1:80", "http://", "http://me:s3cr3t@127.0.0.1", "http://[::1", "http://127.0.0.1:99999",
    f"http://{'a' * 64}.org", "http://ä\u200d", "http://127.0.0.1:x", "http://127.0.0.1:0", "http://a b", "http://a..b",
    "http://a/?s3cr3t", "http://a/#b",
]  # fmt: skip


@pytest.mark.parametrize("endpoint", INVALID_ENDPOINTS)
def test_invalid_endpoint_is_a_usage_error(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], endpoint: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert live.run("extract") == 2
    errors = capsys.readouterr().err
    assert errors == "HF_ENDPOINT must be an http(s) base URL such as https://huggingface.co\n"
    assert live.civitai.calls == []


def test_token_requires_https_or_loopback(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.invalid")
    assert live.run("extract") == 2
    assert "a token is sent over https only" in capsys.readouterr().err
    monkeypatch.setenv("HF_ENDPOINT", "http://[::1]:9")
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 1)
    assert live.run("extract", "--source", "huggingface") == 75  # loopback; nothing listens on that port


def test_invalid_clock_is_a_usage_error(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "noon")
    assert live.run("extract") == 2


@pytest.mark.parametrize(
    ("fault", "code", "max_requests"),
    [(Fault(401, b"{}"), 2, 3), (Fault(403, b"{}"), 75, 6), (Fault(400, b"{}"), 65, 6), (Fault(503, b"{}"), 75, 30)],
)
def test_failed_source_gets_few_requests_and_one_message(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], fault: Fault, code: int, max_requests: int
) -> None:
    live.civitai.fault = lambda *_: fault
    live.civitai.latency_s = 0.01
    assert live.run("extract") == code
    assert 3 <= len(live.civitai.calls) <= max_requests
    output = capsys.readouterr()
    assert "13 streams, 10 failed" in output.out
    assert len(output.err.splitlines()) == 2
    assert "no further requests in this run" in output.err
    assert len(list(live.data.raw_root.glob("huggingface/*/stream.json"))) == 3


def test_retried_failures_change_no_manifest(live: LiveWorkspace) -> None:
    live.hub.fault = live.civitai.fault = lambda target, before: Fault(502) if before == 0 and "cursor" in target else None
    assert live.run("refresh") == 0
    assert {path.name: path.read_bytes() for path in live.data.manifests.iterdir()} == {
        path.name: path.read_bytes() for path in GOLDEN.iterdir()
    }


def test_connection_refused_is_reported(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    live.hub.close()
    assert live.run("extract") == 75
    assert "connection refused; is a server listening there, and is HF_ENDPOINT right?; retry later" in capsys.readouterr().err
    assert live.data.ledger("civitai", "default").exists()


def test_plan_matches_what_extract_requests(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert live.run("plan") == 0
    output = capsys.readouterr().out
    assert "huggingface/default: 4 to 6 requests; on disk: nothing" in output
    latency = "7 to 20 response times"
    assert f"civitai: 20 to 60 requests, 3 at once: {latency}; the rate of 60 in 60 s adds 0 to 0 s" in output
    assert live.hub.calls + live.civitai.calls == []
    assert live.run("extract") == 0
    for call in live.hub.calls + live.civitai.calls:
        assert "cursor=" in call.target or f"    {call.target}\n" in output
    capsys.readouterr()
    assert live.run("plan", "--source", "civitai") == 0
    output = capsys.readouterr().out
    ledger = read_ledger(live.data, "civitai", "default")
    pages_on_disk = f"{len(ledger.pages)} pages, {ledger.records} records"
    assert f"civitai/default: 2 to 6 requests; on disk: {pages_on_disk}, checked 2026-02-01T00:00:00.000Z\n" in output
    assert "huggingface" not in output
    live.filters.write_text(live.filters.read_text().replace("page = 6", "page = 5"))
    assert live.run("plan") == 0
    assert "of another request" not in capsys.readouterr().out  # another page size, but the same records
    live.filters.write_text(live.filters.read_text().replace('sort = "likes"', 'sort = "trendingScore"'))
    assert live.run("plan") == 0
    assert capsys.readouterr().out.count("of another request") == 1


def test_streams_without_manifests_are_not_requested(live: LiveWorkspace) -> None:
    live.filters.write_text(live.filters.read_text().replace('"likes", ', "").replace(', "likes/small"', ""))
    assert live.run("extract") == 0
    assert not live.data.raw("huggingface", "likes").exists()
    assert sorted(path.name for path in live.data.raw("huggingface").iterdir()) == ["default", "recent"]


def test_goldens_exist() -> None:
    assert len(list(GOLDEN.iterdir())) == 27


# Killed with -9 at the nth call of a function: during a body, between body and journal, before the ledger of a complete
# stream, between ledger and swap. tests/extract/test_killed.py kills before every disk step.
KILLED = [
    ("http_client.Client._read_body", 9),
    ("stream_reader.write_atomic", 9),
    ("partial.PartialStream.append", 4),
    ("partial.PartialStream.complete", 4),
    ("stream_reader.swap_directories", 4),
]


@pytest.mark.parametrize(("function", "nth"), KILLED)
@pytest.mark.parametrize("before", ["nothing", "an older snapshot"])
def test_killed_run_is_resumed(live: LiveWorkspace, function: str, nth: int, before: str) -> None:
    if before == "an older snapshot":
        live.filters.write_text(live.filters.read_text().replace("page = 6", "page = 5"))
        assert live.run("extract") == 0
        live.filters.write_text(live.filters.read_text().replace("page = 5", "page = 6"))
        live.hub.reset()
        live.civitai.reset()
    killer = f"""
import itertools, os, signal, sys
from etl.extract import http_client
from etl.extract import stream_reader
from etl.storage import partial
from etl.cli.main import main
calls, real = itertools.count(1), {function}
def kill(*arguments):
    if next(calls) == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
{function} = kill
sys.exit(main(sys.argv[1:]))
"""
    arguments = ["extract", "--data", str(live.data.root), "--filters", str(live.filters)]
    process = subprocess.run([sys.executable, "-c", killer, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert process.returncode == -9, process.stderr
    assert live.run("extract") == 0
    assert live.run("manifests") == 0
    assert {path.name: path.read_bytes() for path in live.data.manifests.iterdir()} == {
        path.name: path.read_bytes() for path in GOLDEN.iterdir()
    }
    assert not list(live.data.raw_root.glob("*/.*"))
    requests = Counter(call.target for call in live.hub.calls + live.civitai.calls)
    repeated = Counter(target.partition("&cursor")[0] for target, count in requests.items() for _ in range(count - 1))
    assert len(requests) == len(list(live.data.raw_root.glob("*/*/page-*.json"))) > 13
    assert max(repeated.values(), default=0) <= 1


def test_interrupted_run_is_resumed_within_six_hours(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: ExtractProgress, reader: StreamReader) -> None:
        if reader.stream.name == "likes" and reader.next_request is None:
            raise KeyboardInterrupt

    def requests_likes(at_s: int) -> bool:
        live.hub.reset()
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(at_s))
        assert live.run("extract", "--source", "huggingface") == 0
        return any(LIKES in call.target for call in live.hub.calls)

    def is_interrupted() -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(ExtractProgress, "update", interrupt)
            return live.run("extract", "--source", "huggingface") == 130

    now = int(EPOCH)
    assert is_interrupted()
    assert not requests_likes(now + 6 * 3600 - 1)
    assert requests_likes(now + 6 * 3600)
    assert is_interrupted()
    assert requests_likes(now + 12 * 3600)


def test_second_extraction_waits_then_fails(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.2)
    with exclusive_lock(live.data.raw_root, "2026-01-01T00:00:00.000Z", print):
        assert live.run("extract") == 75
    assert capsys.readouterr().err.splitlines() == [
        f"extracting into {live.data.raw_root}: waiting for another extraction, up to 0.2 s",
        f"extracting into {live.data.raw_root}: another extraction did not finish within 0.2 s; retry later",
    ]
    assert live.hub.calls == []
    assert live.run("extract") == 0


def test_max_age_skips_fresh_streams(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert live.run("extract") == 0
    sent = len(live.hub.calls)
    likes = live.data.ledger("huggingface", "likes")
    ledger = json.loads(likes.read_text())
    likes.write_text(json.dumps(ledger | {"failed_at": ledger["checked_at"], "failed": "x"}))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(EPOCH) + 3000))
    capsys.readouterr()
    assert live.run("plan", "--max-age", "1h") == 0
    assert "huggingface/default: no requests; on disk: 6 pages" in capsys.readouterr().out
    assert live.run("extract", "--max-age", "1h") == 0
    assert len(live.hub.calls) == sent + 5
    assert "13 streams, 0 failed; 5 requests" in capsys.readouterr().out
    assert live.run("extract", "--max-age", "50m") == 0
    assert len(live.hub.calls) == 2 * sent
    assert "failed_at" not in json.loads(likes.read_text())
    with pytest.raises(SystemExit, match="2"):
        live.run("extract", "--max-age", "soon")


def test_verbose_logs_every_attempt(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "good")
    live.hub.fault = lambda target, before: (
        Fault(503, b"{}") if LIKES in target and before == 0 and "cursor" not in target else None
    )
    assert live.run("extract", "--verbose", "--source", "huggingface") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "attempt" in line]
    assert len(lines) == 14
    assert sum("attempt 2" in line for line in lines) == 1
    assert re.fullmatch(
        r"http://127\.0\.0\.1:\d+/api/models\?\S+: attempt 1, waited 0\.0 s, took [\d.]+ s: 200, [\d,]+ bytes", lines[-1]
    )
    assert sum(": attempt 1, waited 0.0 s, took" in line and ": 503, 2 bytes: http" in line for line in lines) == 1
    assert not any("good" in line for line in lines)


def test_unrequested_models_are_counted_and_a_majority_fails_the_stream(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    live.civitai.api = Civitai(civitai_catalogue(), NOW, ignored_param="types")
    assert live.run("extract", "--source", "civitai") == 65
    output = capsys.readouterr()
    assert re.search(
        r"failed: civitai/.*: page 1: \d of 6 models do not match the request; the source ignores a parameter", output.err
    )
    assert " unrequested; " in output.out
    ledger = read_ledger(live.data, "civitai", "default")
    assert ledger.strangers > 0
    assert not live.data.raw("civitai", "loras").exists()
    assert live.run("manifests") == 1
    assert not {"TextualInversion"} & {
        model["type"] for path in live.data.models("civitai").glob("*/*.json") for model in json.loads(path.read_text())
        if model["id"] in live.ids("civitai-filter-r.json")
    }  # fmt: skip


def test_civitai_continues_after_a_short_or_empty_page(live: LiveWorkspace) -> None:
    assert live.run("extract", "--source", "civitai") == 0
    counts = [page.records for page in read_ledger(live.data, "civitai", "default").pages]
    second = json.loads((live.data.raw("civitai", "default") / "page-0002.json").read_bytes())["items"]
    live.civitai.api = Civitai(civitai_catalogue(), NOW, HIDDEN | {record["id"] for record in second})
    live.civitai.encoded.cache_clear()
    assert live.run("extract", "--source", "civitai") == 0
    ledger = read_ledger(live.data, "civitai", "default")
    assert [page.records for page in ledger.pages][: len(counts)] == [counts[0], 0, *counts[2:]]
    assert len(counts) > 2
    assert min(counts[:-1]) < 6


def test_duplicates_are_counted_and_published_once(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    plain = civitai_catalogue()[: -len(rare_models())]  # rejected records are not duplicates
    live.civitai.api = Civitai(plain, NOW, repeats_last_record=True)
    assert live.run("refresh") == 0
    assert " duplicates; " in capsys.readouterr().out
    ledger = read_ledger(live.data, "civitai", "default")
    assert ledger.duplicates == len(ledger.pages) - 1 > 0
    ids = live.ids("civitai-filter-r.json")
    assert len(ids) == len(set(ids)) == 8


@pytest.mark.parametrize(
    ("method", "name", "message"),
    [
        ("read_bytes", "likes/stream.json", "stream.json: cannot be read: Permission denied"),
        ("mkdir", "huggingface/.likes", ".likes: I/O error: Permission denied"),
    ],
)
def test_unreadable_stream_affects_no_other(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str, name: str, message: str
) -> None:
    assert live.run("extract") == 0
    real = getattr(Path, method)

    def forbidden(path: Path, **kwargs: Any) -> Any:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **kwargs)

    monkeypatch.setattr(Path, method, forbidden)
    capsys.readouterr()
    assert live.run("extract") == 74
    output = capsys.readouterr()
    assert "13 streams, 1 failed; " in output.out
    assert "failed: huggingface/likes: page 1: " in output.err
    assert message in output.err


def test_full_disk_leaves_no_partial_file(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert live.run("extract") == 0
    before = live.stream("huggingface", "likes")
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "likes" in str(path):
            raise OSError(28, "No space left on device")
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    live.filters.write_text(live.filters.read_text().replace("page = 6", "page = 5"))
    assert live.run("extract") == 74
    errors = capsys.readouterr().err
    assert "No space left on device; the old content is kept" in errors
    assert "Traceback" not in errors
    assert live.stream("huggingface", "likes") == before
    assert not list(live.data.raw_root.rglob("*.partial"))
    monkeypatch.undo()
    assert live.data.ledger("huggingface", "recent").exists()


def test_extract_locks_a_source_only_for_the_swap(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[bool]] = {"accept": [], "swap_directories": []}

    def try_read(name: str) -> None:
        try:
            with locks.Locks(live.data.root, "reader", print).hold(reads=[live.data.raw("huggingface")]):
                seen[name].append(True)
        except SourceUnavailableError:
            seen[name].append(False)

    def spy(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def called(*arguments: Any) -> Any:
            try_read(name)
            return real(*arguments)

        monkeypatch.setattr(owner, name, called)

    spy(stream_reader.StreamReader, "accept")
    spy(stream_reader, "swap_directories")
    monkeypatch.setattr(locks, "WAIT_S", 0.01)
    assert live.run("extract", "--source", "huggingface") == 0
    assert len(seen["accept"]) > 3
    assert set(seen["accept"]) == {True}
    assert seen["swap_directories"] == [False] * 3

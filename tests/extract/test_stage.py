"""Extraction over HTTP: polite, quick, and honest about what failed."""

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


def test_all_streams_are_read_with_at_most_three_requests_in_flight_over_as_many_connections(live: LiveWorkspace) -> None:
    live.hub.latency_s = live.civitai.latency_s = 0.05
    assert live.run("extract") == 0
    pages = Counter(path.parts[-3] for path in live.data.raw_root.glob("*/*/page-*.json"))
    assert pages["huggingface"] == 13
    for server, requests in ((live.hub, pages["huggingface"]), (live.civitai, pages["civitai"])):
        assert len(server.calls) == requests
        assert server.in_flight == 3
        assert len({call.connection for call in server.calls}) == 3
        assert server.ignored == set()
        assert {call.status for call in server.calls} == {200}
        assert len({call.target for call in server.calls}) == requests
        for call in server.calls:
            assert re.fullmatch(r"model-manifests/[\d.]+; python-requests/[\d.]+", call.headers["User-Agent"])
            assert call.headers["Accept-Encoding"] == "gzip"
            assert "Authorization" not in call.headers


@pytest.mark.parametrize("base", ["", "/hf"])
def test_a_mirror_whose_links_name_the_host_it_copies_is_read_whole_and_that_host_is_not_asked(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    assert live.run("extract", "--source", "huggingface") == 0
    direct = {path: path.read_bytes() for path in live.data.raw("huggingface").glob("*/page-*.json")}
    live.hub.forget()
    shutil.rmtree(live.data.raw("huggingface"))
    with Server(Hub(hub_catalogue(), token="good")) as copied:  # noqa: S106  of the local server
        live.hub.api, live.hub.base = Hub(hub_catalogue(), token="good", origin=copied.url), base  # noqa: S106
        live.hub.body.cache_clear()
        monkeypatch.setenv("HF_ENDPOINT", live.hub.url)
        monkeypatch.setenv("HF_TOKEN", "good")
        assert live.run("extract", "--source", "huggingface") == 0
        link = live.hub.api.answer([("limit", "1")], {}, live.hub.url).headers["Link"]
        assert link.startswith(f"<{copied.url}/api/models?limit=1&cursor=")
        assert copied.calls == []
    assert {path: path.read_bytes() for path in live.data.raw("huggingface").glob("*/page-*.json")} == direct
    assert len(direct) == len(live.hub.calls) > 3
    urls = [page.url for page in read_ledger(live.data, "huggingface", "default").pages]
    assert {url.split("?")[0] for url in urls} == {f"{base}/api/models"}


def test_no_more_requests_are_sent_in_a_window_than_the_rate_allows(live: LiveWorkspace) -> None:
    text = live.filters.read_text()
    assert "requests = 500, seconds = 300" in text
    live.filters.write_text(text.replace("requests = 500, seconds = 300", "requests = 5, seconds = 0.5"))
    assert live.run("extract", "--source", "huggingface") == 0
    times = [call.began for call in live.hub.calls]
    assert len(times) == 13
    assert min(later - earlier for earlier, later in zip(times, times[5:], strict=False)) > 0.4
    assert times[4] - times[0] < 0.4
    assert live.civitai.calls == []


def test_a_429_costs_its_stream_and_not_a_window(live: LiveWorkspace, caplog: pytest.LogCaptureFixture) -> None:
    live.filters.write_text(live.filters.read_text().replace("seconds = 300", "seconds = 8"))
    live.hub.fault = lambda target, _: Fault(429, b"slow down") if LIKES in target else None
    assert live.run("extract", "--source", "huggingface") == 75
    assert live.hub.calls[-1].ended - live.hub.calls[0].began < 7
    assert caplog.records == []  # the limiter would complain that it cannot hold back a window


def test_a_page_of_the_past_is_kept_when_its_stream_fails_and_the_others_go_on(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live.run("extract") == 0
    before = live.stream("huggingface", "likes")
    live.hub.fault = lambda target, _: Fault(503, b"<html>\x1b[31mdown") if LIKES in target and "cursor" in target else None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    capsys.readouterr()
    assert live.run("extract") == 75
    told = capsys.readouterr()
    assert "13 streams, 1 failed" in told.out
    assert "failed: huggingface/likes: page 2: http://127.0.0.1:" in told.err
    assert "answered 503 Service Unavailable: <html>�[31mdown; later may work" in told.err
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
    ("fault", "code", "words"),
    [
        (Fault(400, '{"error":"✖ Invalid sort"}'.encode()), 65, "answered 400 Bad Request"),
        (Fault(302, b"", {"Location": "http://127.0.0.1:9/"}), 65, "leads to http://127.0.0.1:9/, which is not followed"),
        (Fault(404, b"{}"), 65, "has it moved?"),
        (Fault(403, b"<html>Just a moment"), 75, "from elsewhere, may work"),
        (Fault(200, b"<html>maintenance", {"Content-Type": "text/html"}), 75, "answered <html>maintenance, where JSON was due"),
        (Fault(200, b'[{"id":"a'), 65, "is not JSON"),
        (Fault(200, b'[{"id":"a","id":"b"}]'), 65, "an object has a duplicate key"),
        (Fault(200, b"not gzip", {"Content-Encoding": "gzip"}), 75, "cannot be decompressed as its headers say; later may work"),
        (Fault(401, b"{}"), 2, "mend, set or unset HF_TOKEN"),
        (Fault(451, b"{}"), 75, "in this region"),
        (Fault(drop=True), 75, "it closed the connection without an answer; later may work"),
        (Fault(cut=True), 75, "later may work"),
        (Fault(200, b'{"error":"x"}'), 65, "has not the shape of a page"),
        (Fault(200, b"[1]"), 0, "13 streams, 0 failed"),
        (Fault(200, b'[{"id":NaN}]'), 65, "NaN is not a JSON number"),
    ],
)
def test_what_went_wrong_is_told_with_its_code(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], fault: Fault, code: int, words: str
) -> None:
    live.hub.fault = lambda target, _: fault if LIKES in target else None
    assert live.run("extract") == code
    told = capsys.readouterr()
    assert words in told.err + told.out
    assert "Traceback" not in told.err
    assert live.data.ledger("civitai", "default").exists()
    assert live.data.ledger("huggingface", "default").exists() == (code != 2)
    assert live.data.ledger("huggingface", "likes").exists() == (code == 0)


def test_a_token_goes_to_its_own_source_and_into_no_file(
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
    told = capsys.readouterr()
    assert len(written) > 10_000
    for word in ("s3cr3t", "k3y", "from-netrc"):
        assert word.encode() not in written
        assert word not in told.out + told.err


ECHOED = "hf_s3cr3t/+=&x"
SPELLED = (ECHOED, "hf_s3cr3t%2F%2B%3D%26x")
NEXT = "</api/models?limit=6&cursor=x&token={}>; rel=next"


@pytest.mark.parametrize("spelled", SPELLED)
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
def test_a_token_that_a_server_repeats_is_written_nowhere(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    spelled: str, status: int, body: str, name: str, value: str, code: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", ECHOED)
    headers = {name: value.format(spelled)}
    live.hub.fault = lambda *_: Fault(status, body.format(spelled).encode(), headers)
    assert live.run("extract", "--verbose", "--source", "huggingface") == code
    assert {call.headers["Authorization"] for call in live.hub.calls} == {f"Bearer {ECHOED}"}
    told = capfd.readouterr()
    assert "attempt 1" in told.err
    written = [path.read_bytes() for path in live.data.root.rglob("*") if path.is_file()]
    assert not any(b"s3cr3t" in each for each in [*written, told.out.encode(), told.err.encode()])


def test_a_next_page_that_spells_the_token_otherwise_is_refused(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIVITAI_API_KEY", "k3yk3y")
    pages = [b'{"items":[],"metadata":{"nextCursor":"\\u006b3yk3y"}}', b'{"items":[],"metadata":{}}']
    live.civitai.fault = lambda target, _: Fault(200, pages["cursor" in target])
    assert live.run("extract", "--source", "civitai") == 65
    assert list(live.data.raw_root.rglob("*.json")) == []


@pytest.mark.parametrize("token", ["s3c\nr3t", "s3cr3t€", "s3c\x7fr3t", "s3c r3t", 's3c"r3t', "s3c\\r3t"])
def test_a_token_that_no_header_can_hold_is_bad_usage(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert live.run("extract") == 2
    told = capsys.readouterr().err
    assert told.startswith("HF_TOKEN contains a character that HTTP headers do not allow")
    assert token not in told
    assert live.hub.calls + live.civitai.calls == []


NO_SERVERS = [
    "ftp://127.0.0.1", "127.0.0.1:80", "http://", "http://me:s3cr3t@127.0.0.1", "http://[::1", "http://127.0.0.1:99999",
    f"http://{'a' * 64}.org", "http://ä\u200d", "http://127.0.0.1:x", "http://127.0.0.1:0", "http://a b", "http://a..b",
    "http://a/?s3cr3t", "http://a/#b",
]  # fmt: skip


@pytest.mark.parametrize("endpoint", NO_SERVERS)
def test_an_endpoint_that_is_none_is_bad_usage(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], endpoint: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert live.run("extract") == 2
    told = capsys.readouterr().err
    assert told == "HF_ENDPOINT must be an http(s) base URL such as https://huggingface.co\n"
    assert live.civitai.calls == []


def test_a_token_is_sent_over_https_or_to_this_machine_only(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.invalid")
    assert live.run("extract") == 2
    assert "a token is sent over https only" in capsys.readouterr().err
    monkeypatch.setenv("HF_ENDPOINT", "http://[::1]:9")
    monkeypatch.setattr(http_client, "MAX_ATTEMPTS", 1)
    assert live.run("extract", "--source", "huggingface") == 75  # this machine, of which that port answers nothing


def test_a_clock_that_is_none_is_bad_usage(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "noon")
    assert live.run("extract") == 2


@pytest.mark.parametrize(
    ("fault", "code", "most"),
    [(Fault(401, b"{}"), 2, 3), (Fault(403, b"{}"), 75, 6), (Fault(400, b"{}"), 65, 6), (Fault(503, b"{}"), 75, 30)],
)
def test_a_lost_source_is_soon_left_alone_and_told_once(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str], fault: Fault, code: int, most: int
) -> None:
    live.civitai.fault = lambda *_: fault
    live.civitai.latency_s = 0.01
    assert live.run("extract") == code
    assert 3 <= len(live.civitai.calls) <= most
    told = capsys.readouterr()
    assert "13 streams, 10 failed" in told.out
    assert len(told.err.splitlines()) == 2
    assert "not asked any more in this run" in told.err
    assert len(list(live.data.raw_root.glob("huggingface/*/stream.json"))) == 3


def test_failures_that_pass_cost_nothing_but_time(live: LiveWorkspace) -> None:
    live.hub.fault = live.civitai.fault = lambda target, before: Fault(502) if before == 0 and "cursor" in target else None
    assert live.run("refresh") == 0
    assert {path.name: path.read_bytes() for path in live.data.manifests.iterdir()} == {
        path.name: path.read_bytes() for path in GOLDEN.iterdir()
    }


def test_nobody_there_is_told(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    live.hub.close()
    assert live.run("extract") == 75
    assert (
        "it refused the connection: does a server listen there, and is HF_ENDPOINT right?; later may work"
        in capsys.readouterr().err
    )
    assert live.data.ledger("civitai", "default").exists()


def test_the_plan_tells_what_extract_then_does(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert live.run("plan") == 0
    told = capsys.readouterr().out
    assert "huggingface/default: 4 to 6 requests; on disk: nothing" in told
    times = "7 to 20 response times"
    assert f"civitai: 20 to 60 requests, 3 at once: {times}; the rate of 60 in 60 s adds 0 to 0 s" in told
    assert live.hub.calls + live.civitai.calls == []
    assert live.run("extract") == 0
    for call in live.hub.calls + live.civitai.calls:
        assert "cursor=" in call.target or f"    {call.target}\n" in told
    capsys.readouterr()
    assert live.run("plan", "--source", "civitai") == 0
    told = capsys.readouterr().out
    ledger = read_ledger(live.data, "civitai", "default")
    about = f"{len(ledger.pages)} pages, {ledger.records} records"
    assert f"civitai/default: 2 to 6 requests; on disk: {about}, checked 2026-02-01T00:00:00.000Z\n" in told
    assert "huggingface" not in told
    live.filters.write_text(live.filters.read_text().replace("page = 6", "page = 5"))
    assert live.run("plan") == 0
    assert "of another request" not in capsys.readouterr().out  # of pages of another length, with the same records
    live.filters.write_text(live.filters.read_text().replace('sort = "likes"', 'sort = "trendingScore"'))
    assert live.run("plan") == 0
    assert capsys.readouterr().out.count("of another request") == 1


def test_a_stream_that_no_manifest_draws_on_is_not_read(live: LiveWorkspace) -> None:
    live.filters.write_text(live.filters.read_text().replace('"likes", ', "").replace(', "likes/small"', ""))
    assert live.run("extract") == 0
    assert not live.data.raw("huggingface", "likes").exists()
    assert sorted(path.name for path in live.data.raw("huggingface").iterdir()) == ["default", "recent"]


def test_the_goldens_are_there() -> None:
    assert len(list(GOLDEN.iterdir())) == 27


# What is killed with -9 at the nth call of a function of etl.extract: during a body, between body and ledger, between
# ledger and swap. tests/extract/test_killed.py kills before every step.
KILLED = [
    ("http_client.Client._body", 9),
    ("stream_reader.write_atomic", 9),
    ("stream_reader.write_ledger", 8),
    ("stream_reader.swap_directories", 4),
]


@pytest.mark.parametrize(("where", "nth"), KILLED)
@pytest.mark.parametrize("before", ["nothing", "an older snapshot"])
def test_a_run_that_is_killed_is_gone_on_with(live: LiveWorkspace, where: str, nth: int, before: str) -> None:
    if before == "an older snapshot":
        live.filters.write_text(live.filters.read_text().replace("page = 6", "page = 5"))
        assert live.run("extract") == 0
        live.filters.write_text(live.filters.read_text().replace("page = 5", "page = 6"))
        live.hub.forget()
        live.civitai.forget()
    killer = f"""
import itertools, os, signal, sys
from etl.extract import http_client
from etl.extract import stream_reader
from etl.cli.main import main
calls, do = itertools.count(1), {where}
def kill(*arguments):
    if next(calls) == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
    return do(*arguments)
{where} = kill
sys.exit(main(sys.argv[1:]))
"""
    words = ["extract", "--data", str(live.data.root), "--filters", str(live.filters)]
    done = subprocess.run([sys.executable, "-c", killer, *words], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert live.run("extract") == 0
    assert live.run("manifests") == 0
    assert {path.name: path.read_bytes() for path in live.data.manifests.iterdir()} == {
        path.name: path.read_bytes() for path in GOLDEN.iterdir()
    }
    assert not list(live.data.raw_root.glob("*/.*"))
    asked = Counter(call.target for call in live.hub.calls + live.civitai.calls)
    again = Counter(target.partition("&cursor")[0] for target, times in asked.items() for _ in range(times - 1))
    assert len(asked) == len(list(live.data.raw_root.glob("*/*/page-*.json"))) > 13
    assert max(again.values(), default=0) <= 1


def test_what_a_run_had_read_when_it_was_stopped_is_not_asked_again_within_six_hours(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: ExtractProgress, reading: StreamReader) -> None:
        if reading.stream.name == "likes" and reading.target is None:
            raise KeyboardInterrupt

    def asks_likes(at_s: int) -> bool:
        live.hub.forget()
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(at_s))
        assert live.run("extract", "--source", "huggingface") == 0
        return any(LIKES in call.target for call in live.hub.calls)

    def is_stopped() -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(ExtractProgress, "update", stop)
            return live.run("extract", "--source", "huggingface") == 130

    now = int(EPOCH)
    assert is_stopped()
    assert not asks_likes(now + 6 * 3600 - 1)
    assert asks_likes(now + 6 * 3600)
    assert is_stopped()
    assert asks_likes(now + 12 * 3600)


def test_a_second_extraction_on_one_folder_waits_and_then_stops_and_says_so(
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


def test_what_was_checked_not_long_ago_is_not_asked_again(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert live.run("extract") == 0
    asked = len(live.hub.calls)
    likes = live.data.ledger("huggingface", "likes")
    told = json.loads(likes.read_text())
    likes.write_text(json.dumps(told | {"failed_at": told["checked_at"], "failed": "x"}))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(EPOCH) + 3000))
    capsys.readouterr()
    assert live.run("plan", "--max-age", "1h") == 0
    assert "huggingface/default: no requests; on disk: 6 pages" in capsys.readouterr().out
    assert live.run("extract", "--max-age", "1h") == 0
    assert len(live.hub.calls) == asked + 5
    assert "13 streams, 0 failed; 5 requests" in capsys.readouterr().out
    assert live.run("extract", "--max-age", "50m") == 0
    assert len(live.hub.calls) == 2 * asked
    assert "failed_at" not in json.loads(likes.read_text())
    with pytest.raises(SystemExit, match="2"):
        live.run("extract", "--max-age", "soon")


def test_every_attempt_is_a_line_when_asked(
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


def test_models_that_were_not_asked_for_are_counted_and_a_majority_of_them_ends_the_stream(
    live: LiveWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    live.civitai.api = Civitai(civitai_catalogue(), NOW, deaf="types")
    assert live.run("extract", "--source", "civitai") == 65
    told = capsys.readouterr()
    assert re.search(r"failed: civitai/.*: page 1: \d of 6 models are not what was asked: the source ignores an option", told.err)
    assert " unrequested; " in told.out
    ledger = read_ledger(live.data, "civitai", "default")
    assert ledger.strangers > 0
    assert not live.data.raw("civitai", "loras").exists()
    assert live.run("manifests") == 1
    assert not {"TextualInversion"} & {
        model["type"] for path in live.data.models("civitai").glob("*/*.json") for model in json.loads(path.read_text())
        if model["id"] in live.ids("civitai-filter-r.json")
    }  # fmt: skip


def test_civitai_goes_on_after_a_short_or_empty_page(live: LiveWorkspace) -> None:
    assert live.run("extract", "--source", "civitai") == 0
    kept = [each.records for each in read_ledger(live.data, "civitai", "default").pages]
    second = json.loads((live.data.raw("civitai", "default") / "page-0002.json").read_bytes())["items"]
    live.civitai.api = Civitai(civitai_catalogue(), NOW, HIDDEN | {record["id"] for record in second})
    live.civitai.body.cache_clear()
    assert live.run("extract", "--source", "civitai") == 0
    ledger = read_ledger(live.data, "civitai", "default")
    assert [page.records for page in ledger.pages][: len(kept)] == [kept[0], 0, *kept[2:]]
    assert len(kept) > 2
    assert min(kept[:-1]) < 6


def test_models_that_came_twice_are_counted_and_published_once(live: LiveWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    plain = civitai_catalogue()[: -len(rare_models())]  # what is rejected is not a model that came again
    live.civitai.api = Civitai(plain, NOW, twice=True)
    assert live.run("refresh") == 0
    assert " duplicates; " in capsys.readouterr().out
    ledger = read_ledger(live.data, "civitai", "default")
    assert ledger.duplicates == len(ledger.pages) - 1 > 0
    ids = live.ids("civitai-filter-r.json")
    assert len(ids) == len(set(ids)) == 8


@pytest.mark.parametrize(
    ("call", "name", "words"),
    [
        ("read_bytes", "likes/stream.json", "stream.json: cannot be read: Permission denied"),
        ("mkdir", "huggingface/.likes", ".likes: the system refused: Permission denied"),
    ],
)
def test_a_stream_that_cannot_be_opened_costs_no_other(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], call: str, name: str, words: str
) -> None:
    assert live.run("extract") == 0
    keep = getattr(Path, call)

    def forbidden(path: Path, **more: Any) -> Any:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return keep(path, **more)

    monkeypatch.setattr(Path, call, forbidden)
    capsys.readouterr()
    assert live.run("extract") == 74
    told = capsys.readouterr()
    assert "13 streams, 1 failed; " in told.out
    assert "failed: huggingface/likes: page 1: " in told.err
    assert words in told.err


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert live.run("extract") == 0
    before = live.stream("huggingface", "likes")
    keep = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "likes" in str(path):
            raise OSError(28, "No space left on device")
        return keep(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    live.filters.write_text(live.filters.read_text().replace("page = 6", "page = 5"))
    assert live.run("extract") == 74
    told = capsys.readouterr().err
    assert "No space left on device; the old content is kept" in told
    assert "Traceback" not in told
    assert live.stream("huggingface", "likes") == before
    assert not list(live.data.raw_root.rglob("*.partial"))
    monkeypatch.undo()
    assert live.data.ledger("huggingface", "recent").exists()


def test_an_extraction_holds_its_source_only_for_the_swap(live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[bool]] = {"take": [], "swap_directories": []}

    def look(name: str) -> None:
        try:
            with locks.Locks(live.data.root, "reader", print).hold(reads=[live.data.raw("huggingface")]):
                seen[name].append(True)
        except SourceUnavailableError:
            seen[name].append(False)

    def spy(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def called(*arguments: Any) -> Any:
            look(name)
            return real(*arguments)

        monkeypatch.setattr(owner, name, called)

    spy(stream_reader.StreamReader, "take")
    spy(stream_reader, "swap_directories")
    monkeypatch.setattr(locks, "WAIT_S", 0.01)
    assert live.run("extract", "--source", "huggingface") == 0
    assert len(seen["take"]) > 3
    assert set(seen["take"]) == {True}
    assert seen["swap_directories"] == [False] * 3

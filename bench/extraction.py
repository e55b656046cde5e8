"""Cold extractions against local servers that wait LATENCY_S before each response; medians of RUNS."""

from __future__ import annotations

import statistics
import sys
import tempfile
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from bench.measure import EVERY, spend
from etl.config.load import load_config
from etl.core.layout import PROJECT, DataDir
from etl.extract.options import ExtractOptions
from etl.extract.plan import plan
from etl.selection.sufficiency import Progress
from tests.conftest import civitai, hf
from tests.support.builders import NOW, day
from tests.support.fake_api.__main__ import SNAPSHOT_TIME, catalogue
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 3
LATENCY_S = 0.3


def full() -> tuple[Hub, Civitai]:
    """Return catalogues of which as few pages as can be fill every manifest: for the 25, the first page of each stream."""
    sizes, licenses = [1, 8, 70], ["license:apache-2.0", "license:mit", "license:other"]
    pairs = [(size, license_) for size in sizes for license_ in licenses]
    pairs.append(pairs[0])  # two in ten are small/apache
    models = [
        hf(f"o/m{n}", downloads=9999 - n, likes=9999 - n, lastModified=day(n // 60), tags=[pairs[n % 10][1]],
           safetensors={"total": pairs[n % 10][0] * 10**9})
        for n in range(3000)
    ]  # fmt: skip
    versions: list[dict[str, Any]] = [
        {"id": n, "baseModel": base, "publishedAt": day(2)} for n, base in enumerate(("SD 1.5", "SDXL 1.0"))
    ]
    works = [
        civitai(n, type=kind, stats={"downloadCount": 9999 - n, "thumbsUpCount": 0}, modelVersions=versions)
        for n, kind in zip(range(1, 601), ["Checkpoint", "LORA"] * 300, strict=True)
    ]
    return Hub(models), Civitai(works, NOW)


def cases() -> Iterator[tuple[str, tuple[Hub, Civitai], str]]:
    """Yield what is measured: a name, what is served, and filters.toml."""
    shipped = (PROJECT / "filters.toml").read_text(encoding="utf-8")
    snapshot = Hub(catalogue("huggingface")), Civitai(catalogue("civitai"), SNAPSHOT_TIME)
    for name, served in (("full pages", full()), ("the snapshot", snapshot)):
        yield f"25 manifests, {name}", served, shipped
        yield f"208 manifests, {name}", served, EVERY.read_text(encoding="utf-8")


def failing(target: str, before: int) -> Fault | None:
    """Let the same 3 % of requests fail once."""
    return Fault(502, b"<html>") if before == 0 and crc32(target.encode()) % 33 == 0 else None


def main() -> None:
    """Print the tables."""
    cold()
    print()
    refreshes()


def cold() -> None:
    """Print what a cold extraction takes."""
    terms = ExtractOptions(lambda *_: lambda *_: Progress(is_sufficient=True), 1, str)
    print(
        f"extract, {LATENCY_S * 1000:.0f} ms a response; beyond: seconds over requests / in flight x latency of the slower source"
    )
    print(f"{'':37}{'seconds':>8}{'beyond':>8}{'peak MB':>9}{'requests':>10}{'planned':>13}{'MB sent':>9}{'in flight':>11}")
    for name, (hub, works), text in cases():
        spent, counts, bounds, sent, flying = [], set(), [], 0.0, 0
        for _ in range(RUNS):
            with (
                tempfile.TemporaryDirectory() as folder,
                Server(hub, latency_s=LATENCY_S) as hub_server,
                Server(works, latency_s=LATENCY_S) as civitai_server,
            ):
                path = Path(folder, "filters.toml")
                path.write_text(text, encoding="utf-8")
                command = [sys.executable, "-m", "etl", "extract", "--data", folder, "--filters", str(path)]
                spent.append(spend(command, HF_ENDPOINT=hub_server.url, CIVITAI_ENDPOINT=civitai_server.url))
                filters = load_config(path)
                planned = plan(DataDir(Path(folder, "none")), filters, list(filters.sources), terms)
                counts.add(len(hub_server.calls) + len(civitai_server.calls))
                bounds.append(max(ceil(len(server.calls) / 3) for server in (hub_server, civitai_server)) * LATENCY_S)
                sent = sum(call.bytes for call in hub_server.calls + civitai_server.calls) / 1e6
                flying = max(hub_server.max_in_flight, civitai_server.max_in_flight)
        seconds = statistics.median(duration for duration, _ in spent)
        least, most = (sum(getattr(stream_plan, key) for stream_plan in planned) for key in ("min_requests", "max_requests"))
        print(
            f"{name:37}{seconds:8.2f}{seconds - statistics.median(bounds):8.2f}{max(peak for _, peak in spent):9.0f}"
            f"{'/'.join(map(str, sorted(counts))):>10}{f'{least} to {most}':>13}{sent:9.2f}{flying:11}"
        )


def refreshes() -> None:
    """Print what a refresh takes of which nothing changed, and a cold run of which some responses fail once."""
    shipped = (PROJECT / "filters.toml").read_text(encoding="utf-8")
    snapshot = Hub(catalogue("huggingface")), Civitai(catalogue("civitai"), SNAPSHOT_TIME)
    # Pages of 20, so that there are enough responses to fail; the rate of CivitAI would be all that is seen of such.
    small = EVERY.read_text(encoding="utf-8").replace("page = 500", "page = 20")
    only = ("extract", "--source", "huggingface")
    many = "cold extract, Hugging Face by twenties"
    print(f"{'':41}{'seconds':>8}{'beyond':>8}{'requests':>10}{'failed':>8}   median of {RUNS}")
    for name, served, text, words, fault in (
        ("refresh of the 25, nothing changed", snapshot, shipped, ("refresh",), None),
        ("refresh of the 208, nothing changed", snapshot, EVERY.read_text(encoding="utf-8"), ("refresh",), None),
        (many, full(), small, only, None),
        (f"{many}, 3 % fail", full(), small, only, failing),
    ):
        seconds, beyond, asked, failed = zip(*(once(served, text, words, fault) for _ in range(RUNS)), strict=True)
        middle = map(statistics.median, (seconds, beyond, asked, failed))
        print("{:41}{:8.2f}{:8.2f}{:10.0f}{:8.0f}".format(name, *middle))


def once(
    served: tuple[Hub, Civitai], text: str, words: tuple[str, ...], fault: Callable[[str, int], Fault | None] | None
) -> tuple[float, float, int, int]:
    """Run a command once, a refresh after another; return seconds, those beyond latency, requests, and responses that failed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(served[0], latency_s=LATENCY_S) as hub_server,
        Server(served[1], latency_s=LATENCY_S) as civitai_server,
    ):
        path = Path(folder, "filters.toml")
        path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "etl", *words, "--data", folder, "--filters", str(path)]
        variables = {"HF_ENDPOINT": hub_server.url, "CIVITAI_ENDPOINT": civitai_server.url}
        if "refresh" in words:
            spend(command, **variables)
        for server in (hub_server, civitai_server):
            server.reset()
            server.fault = fault or (lambda _target, _before: None)
        seconds, _ = spend(command, **variables)
        bound = max(ceil(len(server.calls) / 3) for server in (hub_server, civitai_server)) * LATENCY_S
        calls = hub_server.calls + civitai_server.calls
        return seconds, seconds - bound, len(calls), sum(call.status != 200 for call in calls)

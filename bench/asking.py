"""Cold extractions against local servers that wait LATENCY_S before each answer; medians of RUNS."""

from __future__ import annotations

import statistics
import sys
import tempfile
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from bench.measure import every_combination, spend
from etl.extract.plan import plan
from etl.extract.reading import Judged, Terms
from etl.files import PROJECT, Data
from etl.filters import load_filters
from tests.apis import Civitai, Hub
from tests.catalogue import NOW, day
from tests.conftest import civitai, hf
from tests.serve import THEN, catalogue
from tests.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    snapshot = Hub(catalogue("huggingface")), Civitai(catalogue("civitai"), THEN)
    for name, served in (("full pages", full()), ("the snapshot", snapshot)):
        yield f"25 manifests, {name}", served, shipped
        yield f"208 manifests, {name}", served, every_combination()


def failing(target: str, before: int) -> Fault | None:
    """Let the same 3 % of requests fail once."""
    return Fault(502, b"<html>") if before == 0 and crc32(target.encode()) % 33 == 0 else None


def main() -> None:
    """Print the tables."""
    cold()
    print()
    again()


def cold() -> None:
    """Print what a cold extraction takes."""
    terms = Terms(lambda _source, _stream: lambda _body: Judged(suffices=True), 1, str)
    print(
        f"extract, {LATENCY_S * 1000:.0f} ms an answer; beyond: seconds over requests / in flight x latency of the slower source"
    )
    print(f"{'':37}{'seconds':>8}{'beyond':>8}{'peak MB':>9}{'requests':>10}{'planned':>13}{'MB sent':>9}{'in flight':>11}")
    for name, (hub, works), text in cases():
        spent, counts, bounds, sent, flying = [], set(), [], 0.0, 0
        for _ in range(RUNS):
            with (
                tempfile.TemporaryDirectory() as folder,
                Server(hub, latency_s=LATENCY_S) as one,
                Server(works, latency_s=LATENCY_S) as other,
            ):
                path = Path(folder, "filters.toml")
                path.write_text(text, encoding="utf-8")
                command = [sys.executable, "-m", "etl", "extract", "--data", folder, "--filters", str(path)]
                spent.append(spend(command, HF_ENDPOINT=one.url, CIVITAI_ENDPOINT=other.url))
                filters = load_filters(path)
                planned = plan(Data(Path(folder, "none")), filters, list(filters.sources), terms)
                counts.add(len(one.calls) + len(other.calls))
                bounds.append(max(ceil(len(each.calls) / 3) for each in (one, other)) * LATENCY_S)
                sent = sum(call.bytes for call in one.calls + other.calls) / 1e6
                flying = max(one.in_flight, other.in_flight)
        seconds = statistics.median(each for each, _ in spent)
        least, most = (sum(getattr(each, key) for each in planned) for key in ("at_least", "at_most"))
        print(
            f"{name:37}{seconds:8.2f}{seconds - statistics.median(bounds):8.2f}{max(peak for _, peak in spent):9.0f}"
            f"{'/'.join(map(str, sorted(counts))):>10}{f'{least} to {most}':>13}{sent:9.2f}{flying:11}"
        )


def again() -> None:
    """Print what a refresh takes of which nothing changed, and a cold run of which some answers fail once."""
    text = every_combination()
    hub, works = Hub(catalogue("huggingface")), Civitai(catalogue("civitai"), THEN)
    spent: dict[str, list[float]] = {}
    failed: set[int] = set()
    with Server(hub, latency_s=LATENCY_S) as one, Server(works, latency_s=LATENCY_S) as other:
        for _ in range(RUNS):
            for name, word, fault in (
                ("cold extract of the 208", "extract", None),
                ("the same, 3 % of answers fail once", "extract", failing),
                ("refresh, nothing changed", "refresh", None),
            ):
                for server in (one, other):
                    server.forget()
                    server.fault = fault or (lambda _target, _before: None)
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "filters.toml")
                    path.write_text(text, encoding="utf-8")
                    command = [sys.executable, "-m", "etl", word, "--data", folder, "--filters", str(path)]
                    variables = {"HF_ENDPOINT": one.url, "CIVITAI_ENDPOINT": other.url}
                    if word == "refresh":
                        spend(command, **variables)
                    spent.setdefault(name, []).append(spend(command, **variables)[0])
                if fault:
                    failed.add(sum(call.status != 200 for call in one.calls + other.calls))
    print(f"{'':37}{'seconds':>8}   median of {RUNS}; answers that failed: {'/'.join(map(str, sorted(failed)))}")
    for name, seconds in spent.items():
        print(f"{name:37}{statistics.median(seconds):8.2f}")

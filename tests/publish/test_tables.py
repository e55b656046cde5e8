"""The tables: SQLite has what cards and the index have, Parquet has data/models."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from etl.core.layout import PROJECT
from etl.publish import tables
from etl.publish.columns import Column, model_columns, model_row
from tests.conftest import hf
from tests.publish.site import SMALL, Site, fill, records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workspace

ODD = ["'); DROP TABLE models; --", '"', "a\0b", "\u2028😀", "", "twice", "twice"]


def rows(site: Site, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query on the published database."""
    with closing(sqlite3.connect(site.folder / site.entry["tables"]["sqlite"]["file"])) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


@pytest.fixture
def site(workspace: Workspace) -> Site:
    """Publish five models, one with odd tags; return the site."""
    fill(workspace, *records(), hf("o/odd", tags=[tag for tag in ODD if tag], gated="manual", likes=9))
    workspace.filters.write_text(workspace.filters.read_text().replace("limit = 3", "limit = 5"))
    assert workspace.run("manifests") == workspace.run("publish") == 0
    return Site(workspace)


def test_the_database_has_the_cards_of_all_published_models(shipped: Workspace) -> None:
    assert shipped.run("manifests") == shipped.run("publish") == 0
    site = Site(shipped)
    models, cards = rows(site, "SELECT * FROM models ORDER BY model_key"), site.models
    assert [(row["source"], row["id"]) for row in models] == sorted((card["source"], card["id"]) for card in cards.values())
    assert len(models) > 800
    for row in models:
        card = cards[row["id"]]
        for field, value in row.items():
            if field in card and field != "gated":
                assert value == card[field], field
        assert row["gated"] == (None if card["gated"] is None else str(card["gated"]).lower())
        absent = {"model_key", *(f"image_{name}" for name in ("url", "width", "height", "level", "blurhash"))}
        assert {field for field in row if field not in card and row[field] is not None} <= absent
        assert set(card) - set(row) - {"variants"} == {"tags", "image", "manifests"}
    tags = rows(site, "SELECT count(DISTINCT model_key) AS models FROM tags")
    assert tags == [{"models": sum(bool(card["tags"]) for card in cards.values())}]


def test_the_database_has_the_manifests_with_their_models_in_order(site: Site) -> None:
    manifests = rows(
        site, "SELECT source, filter, label, updated, status, status_text, count FROM manifests ORDER BY manifest_key"
    )
    index = site.index["manifests"]
    assert manifests == [{key: manifest[key] for key in manifests[0]} for manifest in index]
    assert len(manifests) == 5
    for manifest in index:
        query = f"""SELECT id, rank FROM positions JOIN models USING (model_key) JOIN manifests USING (manifest_key)
            WHERE filter = '{manifest["filter"]}' ORDER BY rank"""  # noqa: S608 -- a filter of this test
        ranks = [(card["id"], rank) for rank, card in enumerate(site.load(manifest)["models"], 1)]
        assert [(row["id"], row["rank"]) for row in rows(site, query)] == ranks


def test_strings_are_data(site: Site) -> None:
    tags = rows(site, "SELECT tag FROM tags JOIN models USING (model_key) WHERE id = 'o/odd'")
    assert sorted(row["tag"] for row in tags) == sorted({tag for tag in ODD if tag})
    assert rows(site, "SELECT gated FROM models WHERE id = 'o/odd'") == [{"gated": "manual"}]
    assert rows(site, "SELECT count(*) AS models FROM models") == [{"models": 5}]


def test_all_tags_are_in_the_database(workspace: Workspace) -> None:
    fill(workspace, hf("o/a", tags=[f"t{number}" for number in range(30)]))
    assert workspace.run("publish") == 0
    assert rows(Site(workspace), "SELECT count(*) AS tags FROM tags") == [{"tags": 30}]


def test_keys_of_the_database_are_consistent(site: Site) -> None:
    assert rows(site, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert rows(site, "PRAGMA foreign_key_check") == []
    for table, keys in {"tags": {"models"}, "positions": {"models", "manifests"}, "models": set(), "manifests": set()}.items():
        foreign = rows(site, f"PRAGMA foreign_key_list({table})")
        assert {key["table"] for key in foreign} == keys
        assert {key["seq"] for key in foreign} <= {0}  # Datasette follows keys of one column only


def test_columns_have_the_types_of_the_schemas() -> None:
    kinds = dict(model_columns(["huggingface", "civitai"]))
    assert {name for name, kind in kinds.items() if kind == "integer"} == {
        "downloads", "likes", "parameters", "file_bytes", "image_width", "image_height",
    }  # fmt: skip
    assert {name for name, kind in kinds.items() if kind == "boolean"} == {"flagged"}
    assert {"gated", "license", "level", "updated", "size"} <= {name for name, kind in kinds.items() if kind == "text"}


def test_a_row_has_the_image_of_the_card() -> None:
    columns = [Column("image_url", "text"), Column("image_width", "integer"), Column("base", "text"), Column("gated", "text")]
    image = {"url": "https://example.org/1.jpeg", "width": 8, "height": 9, "level": "pg", "blurhash": None}
    model = {"source": "civitai", "tags": None, "images": [image], "gated": False, "base": "SD 1.5"}
    model |= dict.fromkeys(("level", "level_most", "flagged", "file_bytes"))
    expected = {"image_url": "https://example.org/1.jpeg", "image_width": 8, "base": "SD 1.5", "gated": "false"}
    assert model_row(columns, model) == expected


def published(workspace: Workspace, folder: Path, seed: str) -> dict[str, bytes]:
    """Publish in a process of its own, whose memory is filled with another byte; return the tables."""
    command = [sys.executable, "-m", "etl", "publish", "--data", str(workspace.data.root), "--filters", str(workspace.filters)]
    environment = {**os.environ, "MALLOC_PERTURB_": seed, "PYTHONHASHSEED": seed}
    subprocess.run([*command, "--site", str(folder)], cwd=PROJECT, env=environment, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in (folder / "v1" / "tables").iterdir()}


def test_equal_data_gives_equal_tables(shipped: Workspace, tmp_path: Path) -> None:
    assert shipped.run("manifests") == 0
    first = published(shipped, tmp_path / "first", "1")
    assert len(first) in (1, 2)
    assert published(shipped, tmp_path / "second", "171") == first


def test_a_full_disk_is_an_io_error(
    workspace: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = site.state()
    fill(workspace, *records(), hf("o/new", **SMALL), fetched_at="2026-01-02T00:00:00.000Z")

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(tables, "write_sqlite", fail)
    assert workspace.run("publish") == 74
    assert "catalogue.sqlite: cannot be written: database or disk is full" in capsys.readouterr().err
    assert site.state() == before


def test_publish_says_how_to_install_duckdb(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    fill(workspace, *records())
    for _ in range(2):
        capsys.readouterr()
        assert workspace.run("publish") == 0
        last = capsys.readouterr().out.splitlines()[-1]
        message, _, command = last.partition("; install it: ")
        assert message.endswith("no tables in Parquet, which need DuckDB")
        install = [sys.executable, "-m", "pip", "install", "--require-hashes", "-r", str(PROJECT / "requirements-tables.txt")]
        assert shlex.split(command) == install
    assert Site(workspace).entry["tables"]["parquet"] is None


def test_duckdb_is_pinned_to_one_version() -> None:
    pins = [
        line
        for name in ("requirements-tables.txt", "requirements-dev.txt")
        for line in (PROJECT / name).read_text().splitlines()
        if line.startswith("duckdb==")
    ]
    assert len(pins) == 2
    assert len(set(pins)) == 1


def parquet(site: Site) -> list[dict[str, Any]]:
    """Return the rows of the published Parquet file in its order."""
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: see docs/tables.md")
    result = duckdb.connect().read_parquet(str(site.folder / site.entry["tables"]["parquet"]["file"]))
    return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]


def test_parquet_has_the_models_on_disk(shipped: Workspace) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed: see docs/tables.md")
    assert shipped.run("manifests") == shipped.run("publish") == 0
    on_disk: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in shipped.data.models("").glob("*/*/page-*.json"):
        for model in json.loads(path.read_bytes()):
            on_disk.setdefault((model["source"], model["id"]), []).append(model)
    models, cards = parquet(Site(shipped)), Site(shipped).models
    assert [(row["source"], row["id"]) for row in models] == sorted(on_disk)
    assert len(models) > len(cards)
    for row in models:
        assert row.pop("published") == (row["id"] in cards)
        row["gated"] = {"false": False, "true": True}.get(row["gated"], row["gated"])
        fields = {field: value for field, value in row.items() if not field.startswith("image_") and value is not None}
        records_ = [{field: model.get(field) for field in fields} for model in on_disk[row["source"], row["id"]]]
        if row["source"] == "huggingface":
            assert fields in records_
        else:  # the levels of all its records count
            levels = ("level", "level_most", "flagged")
            assert {**fields, **dict.fromkeys(levels)} in [{**record, **dict.fromkeys(levels)} for record in records_]


def test_parquet_has_each_model_as_the_newest_stream_has_it(workspace: Workspace) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed: see docs/tables.md")
    fill(workspace, hf("o/a", likes=1), hf("o/b", tags=[tag for tag in ODD if tag]), hf("o/skipped"), hf("o/z"))
    workspace.write_stream("huggingface", "likes", [hf("o/a", likes=2)], fetched_at="2026-01-02T00:00:00.000Z")
    workspace.write_stream("huggingface", "unread", [hf("o/e", likes=7), hf("o/z", private=True)], asks={"sort": "createdAt"})
    workspace.write_stream("huggingface", "partial", [hf("o/f")], asks={"sort": "trending"}, complete=False, exhausted=False)
    assert workspace.run("manifests") == workspace.run("publish", "--allow-rejected", "huggingface/private") == 0
    models = parquet(Site(workspace))
    assert [(row["id"], row["likes"], row["published"]) for row in models] == [
        ("o/a", 2, True),
        ("o/b", 1, True),
        ("o/e", 7, False),
    ]
    assert [row["tags"] for row in models] == [[], [tag for tag in ODD if tag], []]


def test_parquet_comes_when_duckdb_is_installed(workspace: Workspace) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed: see docs/tables.md")
    fill(workspace, *records())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "duckdb", None)
        patch.setattr("etl.publish.stage.library_versions", lambda: "SQLite 3, DuckDB none")
        assert workspace.run("publish") == 0
        assert Site(workspace).entry["tables"]["parquet"] is None
    assert workspace.run("publish") == 0
    assert len(parquet(Site(workspace))) == 4


EXAMPLES = re.findall(
    r"^```sql\n(.*?)^```\n\n```text\n(.*?)^```", (PROJECT / "docs" / "tables.md").read_text(), re.MULTILINE | re.DOTALL
)


def lines(result: list[tuple[Any, ...]]) -> str:
    """Return rows as sqlite3 prints them."""
    return "".join("|".join("" if value is None else str(value) for value in row) + "\n" for row in result)


def test_documented_queries_give_what_the_page_shows(shipped: Workspace) -> None:
    assert shipped.run("manifests") == shipped.run("publish") == 0
    site = Site(shipped)
    *queries, (on_parquet, of_parquet) = EXAMPLES
    with closing(sqlite3.connect(site.folder / site.entry["tables"]["sqlite"]["file"])) as database:
        assert len(queries) == 3
        for query, shown in queries:
            assert lines(database.execute(query).fetchall()) == shown
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}")]
            assert [step for step in plan if step.startswith("SCAN")] == []
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: see docs/tables.md")
    file = str(site.folder / site.entry["tables"]["parquet"]["file"])
    assert lines(duckdb.connect().execute(on_parquet.replace("models.parquet", file)).fetchall()) == of_parquet


def test_the_page_names_each_column() -> None:
    columns = {name for name, _ in model_columns(["huggingface", "civitai"])}
    page = (PROJECT / "docs" / "tables.md").read_text()
    table = re.findall(r"^\| (.*?) \| (?:text|integer).*\|$", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(table))) == sorted(columns)

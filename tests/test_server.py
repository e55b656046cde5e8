"""The local server is as strict as the APIs, and as forgiving where they ignore; a client nobody here wrote agrees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.apis import Hub
from tests.catalogue import HIDDEN, NOW, civitai_catalogue, hub_catalogue
from tests.golden import both
from tests.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with both() as pair:
        yield pair


def ask(server: Server, query: str, **headers: str) -> requests.Response:
    return requests.get(f"{server.url}{server.api.PATH}?{query}", headers=headers, timeout=10)


@pytest.mark.parametrize(("sort", "field"), [("downloads", "downloads"), ("likes", "likes"), ("last_modified", "lastModified")])
def test_a_client_nobody_here_wrote_pages_through_the_whole_catalogue(sort: Any, field: str) -> None:
    public = {record["id"]: record for record in hub_catalogue() if not record["private"]}
    expand: Any = ["author", field, "safetensors", "gated"]
    with Server(Hub(hub_catalogue(), largest=10)) as server:
        models = list(HfApi(endpoint=server.url, token=False).list_models(sort=sort, expand=expand))
        assert len(server.calls) == 7
    assert sorted(model.id for model in models) == sorted(public)
    values = [public[model.id][field] for model in models]
    assert values == sorted(values, reverse=True)
    assert any(model.safetensors and model.safetensors.total == 7 * 10**9 for model in models)
    assert all(model.author == public[model.id]["author"] and model.tags is None for model in models)


def test_that_client_filters_and_limits(servers: tuple[Server, Server]) -> None:
    api = HfApi(endpoint=servers[0].url, token=False)
    found = list(api.list_models(filter="license:mit", author="org1", gated=False, full=True))
    expected = {
        record["id"]
        for record in hub_catalogue()
        if "license:mit" in record["tags"] and record["author"] == "org1" and not record.get("gated")
    }
    assert {model.id for model in found} == expected != set()
    assert len(list(api.list_models(limit=7))) == 7
    assert len(list(api.list_models(search="MODEL-1", sort="likes", limit=50))) == 11


@pytest.mark.parametrize(("sort", "expand"), [("recent", None), ("downloads", ["usedStorage"])])
def test_that_client_is_refused_what_the_hub_refuses(servers: tuple[Server, Server], sort: Any, expand: Any) -> None:
    with pytest.raises(HfHubHTTPError, match=r"Invalid (sort parameter: recent|option: expected one of)"):
        list(HfApi(endpoint=servers[0].url, token=False).list_models(sort=sort, expand=expand))


def test_that_client_is_told_of_a_bad_token(servers: tuple[Server, Server]) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header"):
        list(HfApi(endpoint=servers[0].url, token="bad").list_models(limit=1))  # noqa: S106  a token that is refused
    assert len(list(HfApi(endpoint=servers[0].url, token="good").list_models(limit=1))) == 1  # noqa: S106  of the local server


def test_the_hub_projects_by_expand_and_says_what_is_left(servers: tuple[Server, Server]) -> None:
    answer = ask(servers[0], "expand=downloads&limit=2&sort=likes&offset=4&direction=-1")
    assert [sorted(record) for record in answer.json()] == [["_id", "downloads", "id"]] * 2
    assert answer.links["next"]["url"].startswith(f"{servers[0].url}/api/models?expand=downloads&limit=2&sort=likes")
    assert servers[0].calls[-1].ignored == ("direction", "offset")
    assert answer.headers["RateLimit"].startswith('"api";r=')
    assert answer.headers["RateLimit-Policy"] == '"fixed window";"api";q=500;w=300'
    plain = ask(servers[0], "limit=5000").json()
    assert len(plain) == 62
    assert "author" not in plain[0]
    assert "lastModified" not in plain[0]
    assert "next" not in ask(servers[0], "limit=62").links


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("limit=101", 400, "ZodError"),
        ("limit=abc", 400, "ZodError"),
        ("types=Checkpoint,LORA", 400, "ZodError"),
        ("types=checkpoint", 400, "ZodError"),
        ("sort=recent", 400, "ZodError"),
        ("period=week", 400, "ZodError"),
        ("nsfw=Soft", 400, "ZodError"),
        ("nsfw=1&nsfw=2", 400, "ZodError"),
        ("browsingLevel=1", 400, "ZodError"),
        ("favorites=false", 401, "Unauthorized"),
        ("page=11&limit=100", 429, "too many pages"),
        ("cursor=x", 400, "Invalid cursor"),
        ("cursor=5|5", 400, "Invalid cursor"),
    ],
)
def test_civitai_refuses(servers: tuple[Server, Server], query: str, status: int, words: str) -> None:
    answer = ask(servers[1], query)
    assert answer.status_code == status
    assert words in answer.text


@pytest.mark.parametrize("query", ["baseModel=SDXL 1.0", "nsfwLevel=1", "types[]=LORA", "page=2", "baseModels[]=SD 1.5"])
def test_civitai_ignores_in_silence(servers: tuple[Server, Server], query: str) -> None:
    assert ask(servers[1], query).json()["items"] == ask(servers[1], "").json()["items"]
    assert servers[1].calls[-2].ignored == (query.split("=", maxsplit=1)[0],)


def test_civitai_ends_where_no_cursor_is_and_not_at_a_short_page(servers: tuple[Server, Server]) -> None:
    seen: list[int] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        query = {"sort": "Most Downloaded", "nsfw": "true", "limit": "10", **cursor}
        page = requests.get(servers[1].url + "/api/v1/models", params=query, timeout=10).json()
        assert not {"totalItems", "totalPages", "prevPage"} & page["metadata"].keys()
        sizes.append(len(page["items"]))
        seen += [record["id"] for record in page["items"]]
        if "nextCursor" not in page["metadata"]:
            break
        assert page["metadata"]["nextPage"].startswith("https://")
        cursor = {"cursor": page["metadata"]["nextCursor"]}
    assert min(sizes[:-1]) < 10
    public = {record["id"] for record in civitai_catalogue() if not record.get("poi") and not record.get("minor")}
    assert len(seen) == len(set(seen))
    assert set(seen) == public - HIDDEN


def test_civitai_lists_the_pg_bit_only_unless_it_is_asked_for_more(servers: tuple[Server, Server]) -> None:
    levels = {record["nsfwLevel"] for record in ask(servers[1], "").json()["items"]}
    assert levels == {1, 3, 33}
    assert 28 in {record["nsfwLevel"] for record in ask(servers[1], "nsfw=true").json()["items"]}


def test_civitai_trims_versions_to_the_asked_base_models(servers: tuple[Server, Server]) -> None:
    items = ask(servers[1], "baseModels=Pony").json()["items"]
    assert items
    assert {version["baseModel"] for record in items for version in record["modelVersions"]} == {"Pony"}


def test_civitai_keeps_to_the_period_by_the_newest_version(servers: tuple[Server, Server]) -> None:
    since = {"Week": "2026-01-25", "Month": "2026-01-01"}
    for period, day in since.items():
        items = ask(servers[1], f"period={period}&nsfw=true").json()["items"]
        assert items
        assert min(max(version["publishedAt"] for version in record["modelVersions"]) for record in items) >= day
    assert NOW.day == 1


def test_the_window_of_requests_fills_and_opens_again() -> None:
    with Server(Hub(hub_catalogue()), quota=2, window_s=0.5) as server:
        assert [ask(server, "limit=1").status_code for _ in range(3)] == [200, 200, 429]


def test_answers_are_compressed_when_asked(servers: tuple[Server, Server]) -> None:
    assert ask(servers[0], "limit=60").headers["Content-Encoding"] == "gzip"
    plain = ask(servers[0], "limit=60", **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert len(json.loads(plain.content)) == 60

"""The fake APIs reject and ignore parameters as the real ones do; huggingface_hub is an independent client of the fake Hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.conftest import civitai, hf
from tests.support.builders import HIDDEN, NOW, civitai_catalogue, hub_catalogue, version
from tests.support.fake_api.apis import Civitai, Hub
from tests.support.fake_api.server import Server
from tests.support.goldens import both

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with both() as pair:
        yield pair


def get(server: Server, query: str, **headers: str) -> requests.Response:
    return requests.get(f"{server.url}{server.api.PATH}?{query}", headers=headers, timeout=10)


@pytest.mark.parametrize(("sort", "field"), [("downloads", "downloads"), ("likes", "likes"), ("last_modified", "lastModified")])
def test_huggingface_hub_pages_through_the_whole_catalogue(sort: Any, field: str) -> None:
    public = {record["id"]: record for record in hub_catalogue() if not record["private"]}
    expand: Any = ["author", field, "safetensors", "gated"]
    with Server(Hub(hub_catalogue(), max_page_size=10)) as server:
        models = list(HfApi(endpoint=server.url, token=False).list_models(sort=sort, expand=expand))
        assert len(server.calls) == 7
    assert sorted(model.id for model in models) == sorted(public)
    values = [public[model.id][field] for model in models]
    assert values == sorted(values, reverse=True)
    assert any(model.safetensors and model.safetensors.total == 7 * 10**9 for model in models)
    assert all(model.author == public[model.id]["author"] and model.tags is None for model in models)


def test_huggingface_hub_filters_and_limits(servers: tuple[Server, Server]) -> None:
    api = HfApi(endpoint=servers[0].url, token=False)
    models = list(api.list_models(filter="license:mit", author="org1", gated=False, full=True))
    expected = {
        record["id"]
        for record in hub_catalogue()
        if "license:mit" in record["tags"] and record["author"] == "org1" and not record.get("gated")
    }
    assert {model.id for model in models} == expected != set()
    assert len(list(api.list_models(limit=7))) == 7
    assert len(list(api.list_models(search="MODEL-1", sort="likes", limit=50))) == 11


@pytest.mark.parametrize(("sort", "expand"), [("recent", None), ("downloads", ["usedStorage"])])
def test_huggingface_hub_raises_on_invalid_parameters(servers: tuple[Server, Server], sort: Any, expand: Any) -> None:
    with pytest.raises(HfHubHTTPError, match=r"Invalid (sort parameter: recent|option: expected one of)"):
        list(HfApi(endpoint=servers[0].url, token=False).list_models(sort=sort, expand=expand))


def test_huggingface_hub_raises_on_an_invalid_token(servers: tuple[Server, Server]) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header"):
        list(HfApi(endpoint=servers[0].url, token="bad").list_models(limit=1))  # noqa: S106  an invalid token
    assert len(list(HfApi(endpoint=servers[0].url, token="good").list_models(limit=1))) == 1  # noqa: S106  of the local server


def test_the_hub_projects_by_expand_and_sends_link_and_rate_limit_headers(servers: tuple[Server, Server]) -> None:
    response = get(servers[0], "expand=downloads&limit=2&sort=likes&offset=4&direction=-1")
    assert [sorted(record) for record in response.json()] == [["_id", "downloads", "id"]] * 2
    assert response.links["next"]["url"].startswith(f"{servers[0].url}/api/models?expand=downloads&limit=2&sort=likes")
    assert servers[0].calls[-1].ignored == ("direction", "offset")
    assert response.headers["RateLimit"].startswith('"api";r=')
    assert response.headers["RateLimit-Policy"] == '"fixed window";"api";q=500;w=300'
    plain = get(servers[0], "limit=5000").json()
    assert len(plain) == 62
    assert "author" not in plain[0]
    assert "lastModified" not in plain[0]
    assert "next" not in get(servers[0], "limit=62").links


@pytest.mark.parametrize(
    ("query", "status", "message"),
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
def test_civitai_rejects_invalid_parameters(servers: tuple[Server, Server], query: str, status: int, message: str) -> None:
    response = get(servers[1], query)
    assert response.status_code == status
    assert message in response.text


@pytest.mark.parametrize("query", ["baseModel=SDXL 1.0", "nsfwLevel=1", "types[]=LORA", "page=2", "baseModels[]=SD 1.5"])
def test_civitai_silently_ignores_unknown_parameters(servers: tuple[Server, Server], query: str) -> None:
    assert get(servers[1], query).json()["items"] == get(servers[1], "").json()["items"]
    assert servers[1].calls[-2].ignored == (query.split("=", maxsplit=1)[0],)


def test_civitai_ends_at_a_page_without_cursor_and_not_at_a_short_one(servers: tuple[Server, Server]) -> None:
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


def items_of(server: Server, query: str) -> dict[int, Any]:
    """Return the records of one page by id."""
    items = get(server, query).json()["items"]
    assert len(items) < 100
    return {record["id"]: record for record in items}


def image_levels(record: Any) -> list[list[int]]:
    return [[image["nsfwLevel"] for image in version["images"]] for version in record["modelVersions"]]


def masks(record: Any) -> tuple[int, list[int]]:
    """Return the mask of a model and those of its versions."""
    return record["nsfwLevel"], [version["nsfwLevel"] for version in record["modelVersions"]]


def test_civitai_lists_only_models_with_the_pg_bit_by_default(servers: tuple[Server, Server]) -> None:
    safe, everything = (items_of(servers[1], f"types=LORA&types=LoCon&{query}") for query in ("", "nsfw=true"))
    assert {record["nsfwLevel"] for record in safe.values()} == {1, 3, 17}
    assert {record["nsfwLevel"] for record in everything.values()} == {1, 2, 3, 4, 8, 16, 17, 28, 60}
    assert set(safe) < set(everything)


def test_civitai_lists_only_pg_images_by_default(servers: tuple[Server, Server]) -> None:
    assert image_levels(items_of(servers[1], "types=LORA&nsfw=true")[9]) == [[1, 16]]
    safe = items_of(servers[1], "types=LORA")[9]
    assert image_levels(safe) == [[1]]
    assert masks(safe) == (17, [17])


def test_civitai_excludes_minors_with_nsfw_and_real_persons_always() -> None:
    catalogue = [civitai(1, minor=True), civitai(2, poi=True), civitai(3, nsfwLevel=0), civitai(4)]
    with Server(Civitai(catalogue, NOW)) as server:
        assert list(items_of(server, "")) == [1, 4]
        assert list(items_of(server, "nsfw=true")) == [3, 4]


def test_the_mask_is_a_constant_on_flagged_models_and_the_levels_of_the_images_otherwise() -> None:
    several = [version(1, "SD 1.5", 1), version(2, "SD 1.5", 8), version(3, "SD 1.5", 0)]
    stale = [version(1, "SD 1.5", 3, nsfwLevel=60), version(2, "SD 1.5", 4)]
    catalogue = [
        civitai(1, modelVersions=several),
        civitai(2, modelVersions=several, nsfw=True),
        civitai(3, modelVersions=[version(1, "SD 1.5", None)], nsfw=True),
        civitai(4, modelVersions=stale[:1], nsfwLevel=60),
        civitai(5, modelVersions=stale),
        civitai(6, modelVersions=[version(1, "SD 1.5", 1 | 32), version(2, "SD 1.5", 32)]),
        civitai(7, modelVersions=[version(1, "SD 1.5", None, nsfwLevel=2)], nsfwLevel=2),
        civitai(8, modelVersions=[version(1, "SD 1.5", 32)]),
    ]
    with Server(Civitai(catalogue, NOW)) as server:
        records = items_of(server, "nsfw=true")
    assert {number: masks(record) if number != 3 else record["nsfwLevel"] for number, record in records.items()} == {
        1: (9, [1, 8, 0]),
        2: (60, [60, 60, 60]),
        3: 60,
        4: (60, [60]),
        5: (60, [60, 4]),
        6: (1, [1, 0]),
        7: (2, [2]),
        8: (0, [0]),
    }
    assert records[3]["modelVersions"][0]["nsfwLevel"] == 60
    assert "images" not in records[3]["modelVersions"][0]
    assert image_levels(records[2]) == [[1], [8], []]
    assert image_levels(records[6]) == [[1, 32], [32]]


def test_civitai_lists_and_counts_only_the_first_twenty_images_of_a_version() -> None:
    images = [{"nsfwLevel": level} for level in [1] * 19 + [4, 16]]
    with Server(Civitai([civitai(1, modelVersions=[{"baseModel": "SD 1.5", "images": images}])], NOW)) as server:
        record = items_of(server, "nsfw=true")[1]
    assert masks(record) == (5, [5])
    assert image_levels(record) == [[1] * 19 + [4]]


def test_civitai_lists_only_versions_of_the_requested_base_models(servers: tuple[Server, Server]) -> None:
    items = get(servers[1], "baseModels=Pony").json()["items"]
    assert items
    assert {version["baseModel"] for record in items for version in record["modelVersions"]} == {"Pony"}


def test_with_base_models_a_mask_is_that_of_the_listed_versions_except_for_flagged_models() -> None:
    both_bases = [version(1, "SD 1.5", 1), version(2, "SDXL 1.0", 8)]
    stale = [version(1, "SD 1.5", 3), version(2, "SDXL 1.0", 8, nsfwLevel=60)]
    catalogue = [
        civitai(1, modelVersions=both_bases),
        civitai(2, modelVersions=both_bases, nsfw=True),
        civitai(3, modelVersions=stale, nsfwLevel=60),
    ]
    with Server(Civitai(catalogue, NOW)) as server:
        sd, sdxl = (items_of(server, f"nsfw=true&baseModels={base}") for base in ("SD 1.5", "SDXL 1.0"))
        assert {number: masks(record) for number, record in sd.items()} == {1: (1, [1]), 2: (60, [60]), 3: (3, [3])}
        assert {number: masks(record) for number, record in sdxl.items()} == {1: (8, [8]), 2: (60, [60]), 3: (60, [60])}
        assert list(items_of(server, "baseModels=SD 1.5")) == [1, 3]
        assert list(items_of(server, "baseModels=SDXL 1.0")) == []
        assert masks(items_of(server, "")[1]) == (9, [1, 8])


def test_with_base_models_civitai_may_sort_by_the_counters_of_their_versions(servers: tuple[Server, Server]) -> None:
    query = "sort=Most Downloaded&nsfw=true&limit=10&baseModels=SDXL 1.0&baseModels=Pony"
    catalogue = civitai_catalogue()
    plain = [record["stats"]["downloadCount"] for record in get(servers[1], query).json()["items"]]
    assert plain == sorted(plain, reverse=True)
    seen: list[Any] = []
    with Server(Civitai(catalogue, NOW, counts_by_base=True)) as server:
        cursor = ""
        while True:
            page = get(server, query + cursor).json()
            seen += page["items"]
            if "nextCursor" not in page["metadata"]:
                break
            cursor = f"&cursor={page['metadata']['nextCursor']}"
        unfiltered = get(server, "sort=Most Downloaded&nsfw=true").json()["items"]
    counts = [sum(version["stats"]["downloadCount"] for version in record["modelVersions"]) for record in seen]
    assert counts == sorted(counts, reverse=True)
    totals = [record["stats"]["downloadCount"] for record in seen]
    assert totals != sorted(totals, reverse=True)
    stats = {record["id"]: record["stats"] for record in catalogue}
    assert all(record["stats"] == stats[record["id"]] for record in seen)
    bases = {"SDXL 1.0", "Pony"}
    with_base = [record for record in catalogue if bases & {version["baseModel"] for version in record["modelVersions"]}]
    assert len(seen) == len({record["id"] for record in seen}) == len(with_base)
    totals = [record["stats"]["downloadCount"] or 0 for record in unfiltered]
    assert totals == sorted(totals, reverse=True)


def test_the_catalogue_has_one_of_each_rare_case(servers: tuple[Server, Server]) -> None:
    rare = items_of(servers[1], "types=Checkpoint&types=LORA&types=LoCon&types=DoRA&nsfw=true&sort=Most Downloaded&limit=90")
    assert {record.get("availability") for record in rare.values()} >= {"Public", "EarlyAccess", "Unsearchable", "Private"}
    assert {record["type"] for record in rare.values()} == {"Checkpoint", "LORA", "LoCon", "DoRA"}
    assert masks(rare[4]) == (60, [60])
    assert (rare[4]["nsfw"], image_levels(rare[4])) == (False, [[1, 2]])
    assert masks(rare[5]) == (60, [60, 60])
    assert (rare[5]["nsfw"], image_levels(rare[5])) == (True, [[4], [8]])
    assert (rare[7]["nsfw"], image_levels(rare[7])) == (True, [[1, 2]])
    assert "images" not in rare[8]["modelVersions"][0]
    assert masks(rare[9]) == (17, [17])
    assert masks(rare[10]) == (9, [1, 8])
    assert masks(rare[16]) == (1, [1])


def test_the_hub_rejects_ids_that_differ_only_in_case() -> None:
    with pytest.raises(ValueError, match="org/model-dynamic: the Hub's ids are unique regardless of case"):
        Hub([hf("Org/Model-Dynamic"), hf("Org/Model-dynamic")])


def test_the_hub_returns_safetensors_and_gguf_unchanged() -> None:
    gguf = {"total": 460_000_000, "architecture": "clip", "context_length": 4096}
    safetensors = {"parameters": {"BF16": 7_615_616_512}, "total": 333_312, "sharded": True}
    with Server(Hub([hf("org/alpha", gguf=gguf, safetensors=safetensors)])) as server:
        (record,) = get(server, "expand=gguf&expand[]=safetensors").json()
        assert (record["gguf"], record["safetensors"]) == (gguf, safetensors)
        assert not {"gguf", "safetensors"} & get(server, "full=true").json()[0].keys()


def test_the_hub_filters_by_library_and_rejects_unsupported_parameters(servers: tuple[Server, Server]) -> None:
    catalogue = [hf("o/a", library_name="diffusers"), hf("o/b", tags=["gguf"]), hf("o/c")]
    with Server(Hub(catalogue)) as server:
        assert [record["id"] for record in get(server, "library=diffusers").json()] == ["o/a"]
        assert [record["id"] for record in get(server, "library=gguf").json()] == ["o/b"]
        assert server.ignored == set()
    assert get(servers[0], "num_parameters=min:6B").status_code == 501


def test_civitai_filters_by_the_period_of_the_newest_version(servers: tuple[Server, Server]) -> None:
    since = {"Week": "2026-01-25", "Month": "2026-01-01"}
    for period, day in since.items():
        items = get(servers[1], f"period={period}&nsfw=true").json()["items"]
        assert items
        assert min(max(version["publishedAt"] for version in record["modelVersions"]) for record in items) >= day
    assert NOW.day == 1


def test_requests_above_the_quota_are_rejected() -> None:
    with Server(Hub(hub_catalogue()), quota=2, window_s=0.5) as server:
        assert [get(server, "limit=1").status_code for _ in range(3)] == [200, 200, 429]


def test_responses_are_compressed_on_request(servers: tuple[Server, Server]) -> None:
    assert get(servers[0], "limit=60").headers["Content-Encoding"] == "gzip"
    plain = get(servers[0], "limit=60", **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert len(json.loads(plain.content)) == 60

"""Fake Hugging Face Hub and CivitAI list APIs over any catalogue: they reject and ignore the parameters the real ones do."""

from __future__ import annotations

import base64
import json
from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from tests.support.masks import PG, as_listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Query = list[tuple[str, str]]
Record = dict[str, Any]


def _digits(text: str) -> int:
    """Return the number that a text of digits only states.

    Raises:
        ValueError: the text is empty or has another character.
    """
    return int(text if text.isdigit() else "")


@dataclass(frozen=True)
class Response:
    """Status, JSON value and headers of a response; `ignored` names the request parameters that had no effect."""

    status: int
    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


class Hub:
    """GET /api/models of the Hugging Face Hub."""

    PATH = "/api/models"
    SORTS = ("trendingScore", "downloads", "likes", "createdAt", "lastModified")
    EXPAND = frozenset(
        "author baseModels cardData config createdAt disabled downloads downloadsAllTime evalResults gated inference"
        " inferenceProviderMapping lastModified library_name likes mask_token model-index pipeline_tag private safetensors sha"
        " siblings spaces tags transformersInfo trendingScore widgetData gguf resourceGroup xetEnabled".split()
    )
    DEFAULT: tuple[str, ...] = (
        "_id",
        "id",
        "modelId",
        "likes",
        "private",
        "downloads",
        "tags",
        "pipeline_tag",
        "library_name",
        "createdAt",
    )
    FULL: tuple[str, ...] = (*DEFAULT, "author", "sha", "lastModified", "gated", "disabled", "siblings")
    HONOURED = frozenset(
        "sort limit expand expand[] filter library author search pipeline_tag gated cursor full config cardData".split(),
    )
    UNSUPPORTED = frozenset(("apps", "inference", "inference_provider", "num_parameters"))

    def __init__(
        self, catalogue: list[Record], token: str | None = None, max_page_size: int = 1000, origin: str | None = None
    ) -> None:
        """`max_page_size` caps `limit`; links to the next page start with `origin`, if given, as those of a mirror do.

        Raises:
            ValueError: two ids differ only in case, which the Hub does not allow.
        """
        self.token, self.max_page_size, self.origin = token, max_page_size, origin
        if duplicates := [key for key, count in Counter(record["id"].lower() for record in catalogue).items() if count > 1]:
            raise ValueError(f"{duplicates[0]}: the Hub's ids are unique regardless of case")
        self.catalogue = [
            {"_id": f"{index:024x}", "createdAt": "2022-03-02T23:29:04.000Z", "modelId": record["id"], **record}
            for index, record in enumerate(catalogue)
        ]

    def respond(self, query: Query, headers: Mapping[str, str], host: str) -> Response:
        """Return the response to a request; `host` is the base URL that the client connected to."""
        authorization = headers.get("Authorization")
        if authorization is not None and authorization != f"Bearer {self.token}":
            message = "Invalid credentials in Authorization header"
            return Response(401, {"error": message}, {"X-Error-Message": message})
        params = dict(query)
        if params.keys() & self.UNSUPPORTED:
            return _unsupported(params.keys() & self.UNSUPPORTED)
        sort = params.get("sort", "trendingScore")
        if sort not in self.SORTS:
            return Response(400, {"error": f"✖ Invalid sort parameter: {sort}"})
        expand = [value for key, value in query if key in ("expand", "expand[]")]
        if not self.EXPAND.issuperset(expand):
            options = "|".join(f'"{name}"' for name in sorted(self.EXPAND))
            return Response(400, {"error": f"✖ Invalid option: expected one of {options}\n  → at expand"})
        try:
            size = min(_digits(params.get("limit", "0")) or self.max_page_size, self.max_page_size)
            matches = self._after(params.get("cursor"), sort, self._matches(query))
        except ValueError:  # assumption: the real Hub's response to an invalid cursor is not documented
            return Response(400, {"error": "✖ Invalid input: expected number\n  → at limit"})
        page, has_more = matches[:size], len(matches) > size
        fields = self._fields(params, expand, sort)
        response_headers = {}
        if has_more:
            cursor = base64.b64encode(json.dumps([page[-1].get(sort), page[-1]["_id"]]).encode()).decode()
            response_headers["Link"] = f'<{self.origin or host}{self.PATH}?{_with_cursor(query, cursor)}>; rel="next"'
        value = [{name: record[name] for name in fields if name in record} for record in page]
        return Response(200, value, response_headers, tuple(sorted({key for key, _ in query} - self.HONOURED)))

    def _matches(self, query: Query) -> list[Record]:
        """Return the public records that match every filter of a query, with all requested tags."""
        params = dict(query)
        tags = {value for key, value in query if key == "filter"}
        gated = {"true": True, "false": False}.get(params.get("gated", "").lower())
        return [
            record
            for record in self.catalogue
            if not record.get("private")
            and tags <= set(record.get("tags", ()))
            and params.get("library") in (None, record.get("library_name"), *record.get("tags", ()))
            and params.get("author") in (None, record["id"].split("/")[0])
            and params.get("search", "").lower() in record["id"].lower()
            and params.get("pipeline_tag") in (None, record.get("pipeline_tag"))
            and gated in (None, bool(record.get("gated")))
        ]

    @staticmethod
    def _after(cursor: str | None, sort: str, records: list[Record]) -> list[Record]:
        """Return the records after a cursor, sorted descending; ties are ordered by `_id`."""

        def key(value: Any, identity: str) -> tuple[bool, Any, list[int]]:
            return value is not None, value if value is not None else 0, [-ord(character) for character in identity]

        records = sorted(records, key=lambda record: key(record.get(sort), record["_id"]), reverse=True)
        if cursor is None:
            return records
        last = key(*json.loads(base64.b64decode(cursor)))
        return [record for record in records if key(record.get(sort), record["_id"]) < last]

    def _fields(self, params: Mapping[str, str], expand: list[str], sort: str) -> tuple[str, ...]:
        if expand:
            return ("_id", "id", *expand)
        fields = self.FULL if params.get("full") else self.DEFAULT
        fields += tuple(name for name in ("config", "cardData") if params.get(name))
        return fields if sort in fields else (*fields, sort)


class Civitai:
    """GET /api/v1/models of CivitAI."""

    PATH = "/api/v1/models"
    TYPES = frozenset(
        "Checkpoint TextualInversion Hypernetwork AestheticGradient LORA LoCon DoRA Controlnet Upscaler MotionModule VAE"
        " TextEncoder UNet CLIPVision Poses Wildcards Workflows ComfyWorkflows Detection VisionLanguage CLIP LLM Other".split()
    )
    # The counters that each sort orders by, descending. CivitAI's other sorts are not supported.
    SORTS: Mapping[str, tuple[str, ...]] = {
        "Most Downloaded": ("downloadCount", "thumbsUpCount"),
        "Highest Rated": ("thumbsUpCount", "downloadCount"),
        "Most Liked": ("thumbsUpCount", "downloadCount"),
    }
    PERIODS = ("Day", "Week", "Month", "Year", "AllTime")
    BOOLEANS: Mapping[str, bool] = dict.fromkeys(("true", "1", "yes", "on", "y"), True) | dict.fromkeys(
        ("false", "0", "no", "off", "n"), False
    )
    HONOURED = frozenset(("limit", "cursor", "types", "baseModels", "sort", "period", "nsfw", "tag", "token"))
    UNSUPPORTED = frozenset(("query", "ids", "modelVersionIds", "username", "checkpointType", "periodMode", "primaryFileOnly"))

    def __init__(
        self, catalogue: list[Record], now: datetime, hidden: frozenset[int] = frozenset(), *,
        ignored_param: str = "", repeats_last_record: bool = False, counts_by_base: bool = False,
    ) -> None:  # fmt: skip
        """`hidden` are ids that are dropped after paging, so that their pages have fewer than `limit` records.

        The parameter `ignored_param` has no effect; with `repeats_last_record`, each page starts with the last record of the
        page before. With `counts_by_base`, requests for base models sort by the counters of the versions of these base models.
        The catalogue's records have flags and images; the masks of models and versions are computed, see `as_listed`.
        """
        self.ignored_param, self.repeats_last_record, self.counts_by_base = ignored_param, repeats_last_record, counts_by_base
        self.catalogue = catalogue
        self.now = now
        self.hidden = hidden

    def respond(self, query: Query, headers: Mapping[str, str], host: str) -> Response:
        """Return the response to a request; `host` is the base URL that the client connected to."""
        params = {key: [value for name, value in query if name == key] for key, _ in query if key != self.ignored_param}
        if {"favorites", "hidden"} & params.keys():
            return Response(401, {"error": "Unauthorized"})
        if params.keys() & self.UNSUPPORTED:
            return _unsupported(params.keys() & self.UNSUPPORTED)
        if issues := self._issues(params):
            return Response(400, {"error": {"name": "ZodError", "message": json.dumps(issues, indent=2)}})
        limit = int(params.get("limit", ["100"])[0] or 0)
        if "page" in params and int(params["page"][0]) * limit > 1000:
            return Response(429, {"error": "You've requested too many pages, please use cursors instead"})
        keys, bases = self.SORTS[params.get("sort", ["Highest Rated"])[0]], params.get("baseModels", [])
        records = sorted(self._matches(params), key=lambda record: self._sort_key(record, keys, bases))
        if "cursor" in params:
            try:
                *values, identity = map(int, params["cursor"][0].split("|"))
                first, second = values
            except ValueError:
                return Response(400, {"message": "Invalid cursor for the current sort"})
            records = [record for record in records if self._sort_key(record, keys, bases) >= (-first, -second, identity)]
        page, rest = records[:limit], records[limit - self.repeats_last_record :]
        metadata: dict[str, Any] = {}
        if rest and limit:
            first, second, identity = self._sort_key(rest[0], keys, bases)
            cursor = metadata["nextCursor"] = f"{-first}|{-second}|{identity}"
            metadata["nextPage"] = f"https://{host.split('://')[1]}{self.PATH}?{_with_cursor(query, cursor)}"
        elif "page" in params:
            metadata |= {"currentPage": int(params["page"][0]), "pageSize": limit}
        is_mature = self._is_mature(params)
        items = [as_listed(record, bases, is_mature=is_mature) for record in page if record["id"] not in self.hidden]
        is_public = "Authorization" not in headers
        caching = {"Cache-Control": "public, s-maxage=300, stale-while-revalidate=150"} if is_public else {}
        return Response(200, {"items": items, "metadata": metadata}, caching, tuple(sorted(params.keys() - self.HONOURED)))

    def _issues(self, params: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        """Return the validation errors of the parameters, in zod's shape."""
        limit = params.get("limit", ["100"])
        checks = {
            "limit": len(limit) == 1 and (limit[0] or "0").isdigit() and int(limit[0] or 0) <= 100,
            "types": self.TYPES.issuperset(params.get("types", ())),
            "sort": params.get("sort", ["Highest Rated"])[0] in self.SORTS,
            "period": params.get("period", ["AllTime"])[0] in self.PERIODS,
            "nsfw": [value.lower() in self.BOOLEANS for value in params.get("nsfw", ["true"])] == [True],
            "tag": len(params.get("tag", ())) <= 1,
            "page": params.get("page", ["1"])[0].isdigit(),
            "browsingLevel": "browsingLevel" not in params,
            "allowDerivatives": "allowDerivatives" not in params,
        }
        return [
            {"code": "invalid_value", "path": [name], "message": "Invalid option"}
            for name, is_valid in checks.items()
            if not is_valid
        ]

    def _matches(self, params: Mapping[str, list[str]]) -> list[Record]:
        """Return the records that match the parameters, in catalogue order."""
        types, bases = params.get("types"), params.get("baseModels")
        is_mature = self._is_mature(params)
        since = self._since(params.get("period", ["AllTime"])[0])
        tag = params.get("tag", [""])[0]
        is_known_tag = any(tag in record.get("tags", ()) for record in self.catalogue)  # CivitAI ignores an unknown tag
        return [
            record
            for record in self.catalogue
            if not record.get("poi")
            and not (is_mature and record.get("minor"))
            and (is_mature or (as_listed(record, bases or ()).get("nsfwLevel") or 0) & PG)
            and (types is None or record["type"] in types)
            and (bases is None or any(version.get("baseModel") in bases for version in record["modelVersions"]))
            and (since is None or self._published(record) >= since)
            and (not is_known_tag or tag in record.get("tags", ()))
        ]

    def _since(self, period: str) -> str | None:
        """Return the time at which a period begins, None for all time."""
        if period == "AllTime":
            return None
        if period == "Month":
            year, month = (self.now.year, self.now.month - 1) if self.now.month > 1 else (self.now.year - 1, 12)
            then = self.now.replace(year=year, month=month, day=min(self.now.day, monthrange(year, month)[1]))
        else:
            then = self.now - timedelta(days={"Day": 1, "Week": 7, "Year": 365}[period])
        return then.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @staticmethod
    def _published(record: Record) -> str:
        return max((version.get("publishedAt") or "" for version in record["modelVersions"]), default="")

    def _is_mature(self, params: Mapping[str, list[str]]) -> bool:
        return self.BOOLEANS[params.get("nsfw", ["false"])[0].lower()]

    def _sort_key(self, record: Record, keys: tuple[str, ...], bases: list[str]) -> tuple[int, int, int]:
        """Return the ascending sort key: the negated counters of the record, or of its versions of the base models; its id."""
        counters = [record["stats"]]
        if bases and self.counts_by_base:
            counters = [version.get("stats", {}) for version in record["modelVersions"] if version.get("baseModel") in bases]
        first, second = (-sum(counter.get(key) or 0 for counter in counters) for key in keys)
        return first, second, record["id"]


def _unsupported(names: Iterable[str]) -> Response:
    return Response(501, {"error": f"not supported by the fake API: {', '.join(sorted(names))}"})


def _with_cursor(query: Query, cursor: str) -> str:
    """Return an encoded query with another cursor."""
    return urlencode([(key, value) for key, value in query if key != "cursor"] + [("cursor", cursor)])


def parse(query: str) -> Query:
    """Parse a query string; empty values are kept."""
    return parse_qsl(query, keep_blank_values=True)

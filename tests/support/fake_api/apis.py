"""What the two APIs answer to a request, over any catalogue: as strict as they are, and as forgiving where they ignore."""

from __future__ import annotations

import base64
import json
from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from tests.support.masks import PG, stamped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Query = list[tuple[str, str]]
Record = dict[str, Any]


def _digits(text: str) -> int:
    """Return a number that is written in digits alone.

    Raises:
        ValueError: it is not.
    """
    return int(text if text.isdigit() else "")


@dataclass(frozen=True)
class Answer:
    """Status, headers and JSON of an answer; `ignored` names the parameters that had no effect."""

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
    NOT_HERE = frozenset(("apps", "inference", "inference_provider", "num_parameters"))

    def __init__(self, catalogue: list[Record], token: str | None = None, largest: int = 1000, origin: str | None = None) -> None:
        """`largest` is how many records a page has at most, whatever is asked; links name `origin`, if any, as of a mirror.

        Raises:
            ValueError: two ids are the same but for case, which the Hub does not allow.
        """
        self.token, self.largest, self.origin = token, largest, origin
        if twice := [key for key, count in Counter(record["id"].lower() for record in catalogue).items() if count > 1]:
            raise ValueError(f"{twice[0]}: the Hub's ids are unique regardless of case")
        self.catalogue = [
            {"_id": f"{place:024x}", "createdAt": "2022-03-02T23:29:04.000Z", "modelId": record["id"], **record}
            for place, record in enumerate(catalogue)
        ]

    def answer(self, query: Query, headers: Mapping[str, str], host: str) -> Answer:
        """Answer a request; `host` is what it was sent to."""
        authorization = headers.get("Authorization")
        if authorization is not None and authorization != f"Bearer {self.token}":
            message = "Invalid credentials in Authorization header"
            return Answer(401, {"error": message}, {"X-Error-Message": message})
        asked = dict(query)
        if asked.keys() & self.NOT_HERE:
            return _not_here(asked.keys() & self.NOT_HERE)
        sort = asked.get("sort", "trendingScore")
        if sort not in self.SORTS:
            return Answer(400, {"error": f"✖ Invalid sort parameter: {sort}"})
        expand = [value for key, value in query if key in ("expand", "expand[]")]
        if any(each not in self.EXPAND for each in expand):
            options = "|".join(f'"{each}"' for each in sorted(self.EXPAND))
            return Answer(400, {"error": f"✖ Invalid option: expected one of {options}\n  → at expand"})
        try:
            size = min(_digits(asked.get("limit", "0")) or self.largest, self.largest)
            found = self._after(asked.get("cursor"), sort, self._found(query))
        except ValueError:  # that a cursor of nobody gives 400 is assumed: of the real Hub nothing is known
            return Answer(400, {"error": "✖ Invalid input: expected number\n  → at limit"})
        page, more = found[:size], len(found) > size
        fields = self._fields(asked, expand, sort)
        told = {}
        if more:
            cursor = base64.b64encode(json.dumps([page[-1].get(sort), page[-1]["_id"]]).encode()).decode()
            following = urlencode([each for each in query if each[0] != "cursor"] + [("cursor", cursor)])
            told["Link"] = f'<{self.origin or host}{self.PATH}?{following}>; rel="next"'
        value = [{name: record[name] for name in fields if name in record} for record in page]
        return Answer(200, value, told, tuple(sorted({key for key, _ in query} - self.HONOURED)))

    def _found(self, query: Query) -> list[Record]:
        """Return the public records that fit, tags all of those asked."""
        asked = dict(query)
        tags = {value for key, value in query if key == "filter"}
        gated = {"true": True, "false": False}.get(asked.get("gated", "").lower())
        return [
            record
            for record in self.catalogue
            if not record.get("private")
            and tags <= set(record.get("tags", ()))
            and asked.get("library") in (None, record.get("library_name"), *record.get("tags", ()))
            and asked.get("author") in (None, record["id"].split("/")[0])
            and asked.get("search", "").lower() in record["id"].lower()
            and asked.get("pipeline_tag") in (None, record.get("pipeline_tag"))
            and gated in (None, bool(record.get("gated")))
        ]

    @staticmethod
    def _after(cursor: str | None, sort: str, records: list[Record]) -> list[Record]:
        """Return the records that follow a cursor, greatest first; equals by `_id`."""

        def key(value: Any, identity: str) -> tuple[bool, Any, list[int]]:
            return value is not None, value if value is not None else 0, [-ord(each) for each in identity]

        records = sorted(records, key=lambda record: key(record.get(sort), record["_id"]), reverse=True)
        if cursor is None:
            return records
        last = key(*json.loads(base64.b64decode(cursor)))
        return [record for record in records if key(record.get(sort), record["_id"]) < last]

    def _fields(self, asked: Mapping[str, str], expand: list[str], sort: str) -> tuple[str, ...]:
        if expand:
            return ("_id", "id", *expand)
        fields = self.FULL if asked.get("full") else self.DEFAULT
        fields += tuple(each for each in ("config", "cardData") if asked.get(each))
        return fields if sort in fields else (*fields, sort)


class Civitai:
    """GET /api/v1/models of CivitAI."""

    PATH = "/api/v1/models"
    TYPES = frozenset(
        "Checkpoint TextualInversion Hypernetwork AestheticGradient LORA LoCon DoRA Controlnet Upscaler MotionModule VAE"
        " TextEncoder UNet CLIPVision Poses Wildcards Workflows ComfyWorkflows Detection VisionLanguage CLIP LLM Other".split()
    )
    # What the sorts order by, greatest first; the rest of its sorts are not answered here.
    SORTS: Mapping[str, tuple[str, ...]] = {
        "Most Downloaded": ("downloadCount", "thumbsUpCount"),
        "Highest Rated": ("thumbsUpCount", "downloadCount"),
        "Most Liked": ("thumbsUpCount", "downloadCount"),
    }
    PERIODS = ("Day", "Week", "Month", "Year", "AllTime")
    WORDS: Mapping[str, bool] = dict.fromkeys(("true", "1", "yes", "on", "y"), True) | dict.fromkeys(
        ("false", "0", "no", "off", "n"), False
    )
    HONOURED = frozenset(("limit", "cursor", "types", "baseModels", "sort", "period", "nsfw", "tag", "token"))
    NOT_HERE = frozenset(("query", "ids", "modelVersionIds", "username", "checkpointType", "periodMode", "primaryFileOnly"))

    def __init__(
        self, catalogue: list[Record], now: datetime, hidden: frozenset[int] = frozenset(), *,
        deaf: str = "", twice: bool = False, counts_by_base: bool = False,
    ) -> None:  # fmt: skip
        """`hidden` are ids dropped after the query, so that their pages hold fewer than `limit`.

        A parameter named `deaf` is ignored; `twice` repeats the last record of a page at the head of the next. With
        `counts_by_base`, where base models are asked, models are sorted by the counters of their versions of these.
        The catalogue's records hold flags and images; the masks on models and versions are written here, see `stamped`.
        """
        self.deaf, self.twice, self.counts_by_base = deaf, twice, counts_by_base
        self.catalogue = catalogue
        self.now = now
        self.hidden = hidden

    def answer(self, query: Query, headers: Mapping[str, str], host: str) -> Answer:
        """Answer a request; `host` is what it was sent to."""
        asked = {key: [each for name, each in query if name == key] for key, _ in query if key != self.deaf}
        if {"favorites", "hidden"} & asked.keys():
            return Answer(401, {"error": "Unauthorized"})
        if asked.keys() & self.NOT_HERE:
            return _not_here(asked.keys() & self.NOT_HERE)
        if issues := self._issues(asked):
            return Answer(400, {"error": {"name": "ZodError", "message": json.dumps(issues, indent=2)}})
        limit = int(asked.get("limit", ["100"])[0] or 0)
        if "page" in asked and int(asked["page"][0]) * limit > 1000:
            return Answer(429, {"error": "You've requested too many pages, please use cursors instead"})
        keys, bases = self.SORTS[asked.get("sort", ["Highest Rated"])[0]], asked.get("baseModels", [])
        records = sorted(self._found(asked), key=lambda record: self._rank(record, keys, bases))
        if "cursor" in asked:
            try:
                *values, identity = map(int, asked["cursor"][0].split("|"))
                first, second = values
            except ValueError:
                return Answer(400, {"message": "Invalid cursor for the current sort"})
            records = [record for record in records if self._rank(record, keys, bases) >= (-first, -second, identity)]
        page, rest = records[:limit], records[limit - self.twice :]
        metadata: dict[str, Any] = {}
        if rest and limit:
            first, second, identity = self._rank(rest[0], keys, bases)
            metadata["nextCursor"] = f"{-first}|{-second}|{identity}"
            again = [each for each in query if each[0] != "cursor"] + [("cursor", metadata["nextCursor"])]
            metadata["nextPage"] = f"https://{host.split('://')[1]}{self.PATH}?{urlencode(again)}"
        elif "page" in asked:
            metadata |= {"currentPage": int(asked["page"][0]), "pageSize": limit}
        is_mature = self._is_mature(asked)
        items = [stamped(record, bases, is_mature=is_mature) for record in page if record["id"] not in self.hidden]
        told = {} if "Authorization" in headers else {"Cache-Control": "public, s-maxage=300, stale-while-revalidate=150"}
        return Answer(200, {"items": items, "metadata": metadata}, told, tuple(sorted(asked.keys() - self.HONOURED)))

    def _issues(self, asked: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        """Return what the query's schema refuses, in zod's shape."""
        limit = asked.get("limit", ["100"])
        good = {
            "limit": len(limit) == 1 and (limit[0] or "0").isdigit() and int(limit[0] or 0) <= 100,
            "types": all(each in self.TYPES for each in asked.get("types", ())),
            "sort": asked.get("sort", ["Highest Rated"])[0] in self.SORTS,
            "period": asked.get("period", ["AllTime"])[0] in self.PERIODS,
            "nsfw": [each.lower() in self.WORDS for each in asked.get("nsfw", ["true"])] == [True],
            "tag": len(asked.get("tag", ())) <= 1,
            "page": asked.get("page", ["1"])[0].isdigit(),
            "browsingLevel": "browsingLevel" not in asked,
            "allowDerivatives": "allowDerivatives" not in asked,
        }
        return [
            {"code": "invalid_value", "path": [name], "message": "Invalid option"}
            for name, is_good in good.items()
            if not is_good
        ]

    def _found(self, asked: Mapping[str, list[str]]) -> list[Record]:
        types, bases = asked.get("types"), asked.get("baseModels")
        is_mature = self._is_mature(asked)
        since = self._since(asked.get("period", ["AllTime"])[0])
        tag = asked.get("tag", [""])[0]
        known = any(tag in record.get("tags", ()) for record in self.catalogue)  # the filter of an unknown tag is dropped
        return [
            record
            for record in self.catalogue
            if not record.get("poi")
            and not (is_mature and record.get("minor"))
            and (is_mature or (stamped(record, bases or ()).get("nsfwLevel") or 0) & PG)
            and (types is None or record["type"] in types)
            and (bases is None or any(version.get("baseModel") in bases for version in record["modelVersions"]))
            and (since is None or self._published(record) >= since)
            and (not known or tag in record.get("tags", ()))
        ]

    def _since(self, period: str) -> str | None:
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

    def _is_mature(self, asked: Mapping[str, list[str]]) -> bool:
        return self.WORDS[asked.get("nsfw", ["false"])[0].lower()]

    def _rank(self, record: Record, keys: tuple[str, ...], bases: list[str]) -> tuple[int, int, int]:
        """Return what a record is sorted by, least first: by its counters, or those of its versions of the base models."""
        counters = [record["stats"]]
        if bases and self.counts_by_base:
            counters = [version.get("stats", {}) for version in record["modelVersions"] if version.get("baseModel") in bases]
        first, second = (-sum(each.get(key) or 0 for each in counters) for key in keys)
        return first, second, record["id"]


def _not_here(names: Iterable[str]) -> Answer:
    return Answer(501, {"error": f"this server does not imitate {', '.join(sorted(names))}"})


def parse(query: str) -> Query:
    """Return the parameters of a query, empty values included."""
    return parse_qsl(query, keep_blank_values=True)

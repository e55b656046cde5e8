"""Data of the page with hand-written models: streams, rulings, hidden levels, an expression, and names that are markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Model = Mapping[str, Any]
    Test = Callable[[Model], str | dict[str, Any] | None]  # the reason why a model does not match

HOSTILE = "<img src=x onerror=alert(1)>"
ODD_ID = "o/a?b#c%2Fd</script>"
HIDDEN_NAME = "Secret Garden"
COMMANDS = {"extract manifests": "make extract manifests DATA=d", "manifests": "make manifests DATA=d"}


def payload() -> dict[str, Any]:
    """Return what the scripts of the page read."""
    return {"hidden_levels": ["r", "x", "xxx"], "commands": COMMANDS, "sources": [_huggingface(), _civitai()]}


def many(count: int) -> dict[str, Any]:
    """Return a payload with `count` models of one source, in two streams."""
    families = ["llama", "qwen", "mistral", "gemma", "phi"]
    models = [
        hub(
            f"author{number % 997}/{families[number % 5]}-{number:05}-instruct", number * 7919 % count, number % 300,
            ("small", "large")[number % 2], ("mit", "apache-2.0")[number % 3 % 2],
            tags=["transformers", "safetensors", f"tag{number % 211}", "text-generation", "en"],
        )
        for number in range(count)
    ]  # fmt: skip
    source = _huggingface(sorted(models, key=lambda model: str(model["id"])))
    return {"hidden_levels": [], "commands": COMMANDS, "sources": [source]}


def hub(id_: str, downloads: int, likes: int | None, size: str, license_: str | None, **fields: Any) -> dict[str, Any]:
    """Return a model of the first source."""
    return {
        "id": id_, "name": id_.partition("/")[2] or id_, "author": id_.partition("/")[0], "downloads": downloads, "likes": likes,
        "tags": ["text-generation"], "license": license_, "updated": 20_400, "url": f"https://models.test/{id_}",
        "parameters": 600_000_000, "size": size, "size_from": "safetensors", "size_against": [],
    } | fields  # fmt: skip


def _huggingface(models: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    models = models or sorted(
        [
            hub("Qwen/Qwen3-0.6B", 9_000_000, 1347, "small", "mit", tags=["text-generation", "chat"], size_against=["name"]),
            hub("meta/Llama-70B", 5000, 900, "large", None, size_from="name"),
            hub("meta/Llama-Guard-1B", 400, None, "small", "apache-2.0", size_from="none"),
            hub("tiny/llama", 20, 3, "small", "mit"),
            hub(f"evil/{HOSTILE}", 10, 2, "small", "mit", url="javascript:alert(1)"),
            hub(ODD_ID, 5, 1, "large", "mit"),
            hub("blocked/model", 3, 0, "small", "mit"),
        ],
        key=lambda model: str(model["id"]),
    )
    by = {name: sorted(range(len(models)), key=lambda row: (-(models[row][name] or 0), row)) for name in ("downloads", "likes")}
    excluded = [row for row, model in enumerate(models) if model["id"] == "blocked/model"]
    orders = {"default": [row for row in by["downloads"] if row not in excluded], "likes": by["likes"][:4]}
    axes = [
        _axis("sort", ["downloads Most downloaded", "likes Most liked", "recent Recently updated"], {}, is_server_side=True),
        _axis("size", ["all All sizes", "small Small (<7B)", "large Large"], {"small": 0, "large": 1}),
        _axis("license", ["any All licences", "mit MIT"], {"mit": 2}),
        _axis("quality", ["every Any quality", "popular Popular"], {"popular": 3}),
    ]
    tests: dict[str, Test] = {
        "size small": lambda model: None if model["size"] == "small" else f"size small excludes {model['size']}",
        "size large": lambda model: None if model["size"] == "large" else f"size large excludes {model['size']}",
        "license mit": lambda model: None if model["license"] == "mit" else f"license mit excludes {model['license'] or 'none'}",
        "quality popular": lambda model: (
            None
            if model["downloads"] > 100 and model["likes"]
            else {"text": "quality popular: .downloads > 100 and .likes > 0 is not true", "fields": ["downloads", "likes"]}
        ),
    }
    paths = [(0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 0), (1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1)]
    data = _source("huggingface", "hf", axes, tests, models, orders, paths)
    data["excluded"] = excluded
    data["filters"][2]["missing"] = "stream recent is not on disk; fetch it with: make extract SOURCE=huggingface"
    rejected = next(row for row, model in enumerate(models) if row not in orders["likes"] and row not in excluded)
    data["streams"][1]["rejected"] = {str(rejected): _text(data, "private")}
    data["columns"]["name"] = {"after_slash": True}
    data["columns"]["updated"] = {"days": [model["updated"] for model in models]}
    return data


def _civitai() -> dict[str, Any]:
    def model(id_: str, name: str, level: str, **fields: Any) -> dict[str, Any]:
        return {
            "id": id_, "name": name, "author": "q", "downloads": int(id_) * 10, "likes": 5, "tags": ["anime"], "level": level,
            "level_from": "mask", "flagged": False, "url": f"https://models.test/{id_}", "type": "LORA",
        } | fields  # fmt: skip

    models = [
        model("101", "Plain", "pg"),
        model("102", HIDDEN_NAME, "xxx", tags=["garden"], level_from="images"),
        model("103", "Raised", "pg"),
        model("104", "Withdrawn", "pg"),
        model("105", HOSTILE, "pg"),
        model("106", "Pose, flagged", "r", flagged=True, level_from="flag"),
    ]
    axes = [
        _axis("level", ["all All levels", "pg PG", "r R"], {"pg": 1, "r": 2}),
        _axis("period", ["alltime All time", "month Past month"], {}, is_server_side=True),
    ]

    def level(name: str, values: Sequence[str]) -> Test:
        return lambda model: None if model["level"] in values else f"level {name} excludes {model['level']}"

    unlike = {"text": 'require: .tags | index("garden") | not is not true', "fields": ["tags"]}
    tests: dict[str, Test] = {
        "require": lambda model: unlike if "garden" in model["tags"] else None,
        "level pg": level("pg", ["pg"]),
        "level r": level("r", ["pg", "pg13", "r"]),
    }  # fmt: skip
    data = _source(
        "civitai", "civitai", axes, tests, models, {"default": [0, 1, 2, 3, 4, 5], "month": [5, 4]}, [(1, 0), (2, 0), (0, 1)]
    )
    data["requirement"] = 0
    data["hidden"] = [1, 2, 5]
    ruling = _text(data, "level r: stream month says r")
    decided = {"fails": [[1, _text(data, "level pg excludes r")]], "own_fails": []}
    data["groups"].append(decided)
    stream = data["streams"][0]
    stream["groups"][2] = len(data["groups"]) - 1
    stream["rulings"] = {
        "2": {"text": ruling, "forbids": False, "by_condition": {"1": _text(data, "level r: stream month says flagged")}},
        "3": {"text": _text(data, "withheld: stream month says minor"), "forbids": True, "by_condition": {}},
    }
    return data


def _axis(name: str, options: list[str], conditions: dict[str, int], *, is_server_side: bool = False) -> dict[str, Any]:
    pairs = [option.split(" ", 1) for option in options]
    return {
        "name": name,
        "options": [
            {
                "name": option,
                "label": label,
                "is_server_side": is_server_side,
                "order_field": None,
                "condition": conditions.get(option),
                "fields": [name],
            }
            for option, label in pairs
        ],
    }


def _source(
    name: str, prefix: str, axes: list[dict[str, Any]], tests: Mapping[str, Test], models: list[dict[str, Any]],
    orders: Mapping[str, list[int]], paths: Sequence[tuple[int, ...]],
) -> dict[str, Any]:  # fmt: skip
    data: dict[str, Any] = {
        "name": name, "prefix": prefix, "axes": axes, "conditions": list(tests), "requirement": None, "limit": 4,
        "groups": [], "texts": [], "rows": len(models), "hidden": [], "excluded": [],
        "columns": {field: {"values": [model[field] for model in models]} for field in models[0]},
    }  # fmt: skip
    groups = [_group(data, model, tests) for model in models]
    data["streams"] = [
        {
            "name": stream,
            "missing": None,
            "order": order,
            "by_field": {},
            "groups": [groups[row] for row in order],
            "rulings": {},
            "rejected": {},
            "fields": {},
        }
        for stream, order in orders.items()
    ]
    data["filters"] = [_filter(prefix, axes, options) for options in paths]
    return data


def _group(data: dict[str, Any], model: Model, tests: Mapping[str, Test]) -> int:
    reasons = [(index, reason) for index, test in enumerate(tests.values()) if (reason := test(model)) is not None]
    group = {"fails": [[index, _text(data, reason)] for index, reason in reasons], "own_fails": None}
    if group not in data["groups"]:
        data["groups"].append(group)
    return int(data["groups"].index(group))


def _text(data: dict[str, Any], text: object) -> int:
    if text not in data["texts"]:
        data["texts"].append(text)
    return int(data["texts"].index(text))


def _filter(prefix: str, axes: list[dict[str, Any]], options: tuple[int, ...]) -> dict[str, Any]:
    pairs = zip(axes, options, strict=True)
    chosen = [(axis["options"][index], axis["name"]) for axis, index in pairs if index]
    path = "/".join(option["name"] for option, _ in chosen) or "default"
    return {
        "path": path, "file": f"{prefix}-filter-{path.replace('/', '-')}.json", "limit": 4, "options": list(options),
        "label": " · ".join(option["label"] for option, _ in chosen) or "Everything", "missing": None,
        "stream": "-".join(option["name"] for option, _ in chosen if option["is_server_side"]) or "default",
    }  # fmt: skip

"""The request parameters in filters.toml: what an API would ignore silently or reject ends a run before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.config.violations import describe
from etl.core.errors import UsageError
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config.source_config import SourceConfig


def check_requests(source: SourceConfig) -> None:
    """Refuse parameters that the API does not honour, and those that are set twice.

    Several axes may set a parameter that narrows when it is repeated.

    Raises:
        UsageError: a parameter is refused.
    """
    page = {source.page_param: source.page_size} if source.page_param else {}
    params: dict[str, Any] = {f"{source.name}.page": page, f"{source.name}.asks": source.params}
    for option in (option for axis in source.axes for option in axis.options):
        params[f"{source.name}.axes.{option.axis}.{option.name}.asks"] = option.params
    for where, value in params.items():
        for violation in load_schema(f"{source.name}/request").violations(value):
            key = where if value is page else ".".join([where, *map(str, violation.path)])
            advice = f"see schemas/{source.name}/request.schema.json for what the API honours"
            raise UsageError(f"{key}: {describe(violation)}; {advice}")
    _check_repetitions(source, page)


def _check_repetitions(source: SourceConfig, page: Mapping[str, Any]) -> None:
    """Refuse a parameter that two of the source's keys set.

    Raises:
        UsageError: two keys set it.
    """
    owner_of = {name: f"{source.name}.{key}" for key, names in (("page", page), ("asks", source.params)) for name in names}
    if both := sorted(page.keys() & source.params.keys()):
        raise UsageError(f"{source.name}.asks: parameter {both[0]} is also set by {source.name}.page; set it in one of them")
    for axis in source.axes:
        where = f"{source.name}.axes.{axis.name}"
        for name in dict.fromkeys(name for option in axis.options for name in option.params):
            if owner_of.setdefault(name, where) != where and name not in source.narrowing_params:
                raise UsageError(f"{where}: parameter {name} is also set by {owner_of[name]}; set it in one of them")

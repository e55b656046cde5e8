"""The request parameters in filters.toml: what an API would ignore silently or reject ends a run before it starts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from etl.core.errors import UsageError
from etl.core.schemas import load_schema

if TYPE_CHECKING:
    from etl.config.model import SourceConfig


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
            raise UsageError(f"{where}: {violation}; see schemas/{source.name}/request.schema.json for what the API honours")
    keys = [set(source.params), *({key for option in axis.options for key in option.params} for axis in source.axes), set(page)]
    for left, right in itertools.combinations(keys, 2):
        for key in (left & right) - source.narrowing_params:
            raise UsageError(f"{source.name}: parameter {key} is set twice (by 'asks', axes or page); set it once")

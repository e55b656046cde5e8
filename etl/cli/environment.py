"""Settings from the environment: endpoints, tokens and the clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from etl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.extract.credentials import Credentials
    from etl.sources.source import Source


def credentials(api: Source) -> Credentials:
    """Return the endpoint and the token that the environment sets for an API.

    Raises:
        UsageError: the endpoint is not a base URL, or the token cannot be sent.
    """
    from etl.extract.credentials import Credentials, is_base_url, is_loopback

    endpoint = (os.environ.get(api.endpoint_variable) or api.endpoint).rstrip("/")
    if not is_base_url(endpoint):
        raise UsageError(f"{api.endpoint_variable} must be an http(s) base URL such as {api.endpoint}")
    token = next((value for name in api.token_variables if (value := os.environ.get(name, "").strip())), None)
    if token and not (token.isascii() and token.isprintable() and set(token).isdisjoint(' "\\')):
        names = " or ".join(api.token_variables)
        raise UsageError(
            f"{names} contains a character that HTTP headers do not allow (such as a line break); fix or unset it"
        )  # fmt: skip
    if token and urlsplit(endpoint).scheme == "http" and not is_loopback(endpoint):
        raise UsageError(f"{api.endpoint_variable}={endpoint}: a token is sent over https only; unset it, or use https")
    return Credentials(endpoint, token)


def clock() -> Callable[[], str]:
    """Return the clock: UTC with milliseconds, fixed at SOURCE_DATE_EPOCH (seconds since 1970) where that is set.

    Raises:
        UsageError: SOURCE_DATE_EPOCH is not a time.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        fixed = datetime.fromtimestamp(int(epoch), UTC) if epoch else None
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch} is not a valid time (expected seconds since 1970)") from None
    return lambda: (fixed or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

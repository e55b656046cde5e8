"""Where a source is requested, and with which token. No I/O."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

import requests

from etl.extract.token_echo import contains_token


def is_base_url(text: str) -> bool:
    """Return whether a text is an http(s) URL without user and query, whose host and port requests can use."""
    host = r"([\w-]+(\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\])"
    try:
        split = urlsplit(text)
        (split.hostname or "").encode("idna")
        requests.Request("GET", text).prepare()
        return bool(re.fullmatch(rf"https?://{host}(:\d+)?(/[^\s?#]*)?", text)) and split.port != 0
    except ValueError:  # requests' own errors are ValueErrors too
        return False


def is_loopback(endpoint: str) -> bool:
    """Return whether an endpoint is on this machine: 127.0.0.0/8 in any notation, ::1, or localhost."""
    host = (urlsplit(endpoint).hostname or "").removesuffix(".")
    try:
        address = IPv6Address(host) if ":" in host else IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return host == "localhost"
    return (address.ipv4_mapped or address if isinstance(address, IPv6Address) else address).is_loopback


@dataclass(frozen=True)
class Credentials:
    """The endpoint of a source, without a final slash, and the token to send to it; without a token, requests are anonymous."""

    endpoint: str
    token: str | None = field(repr=False)

    def is_echoed(self, text: str | bytes) -> bool:
        """Return whether a text contains the token, in any spelling."""
        body = text if isinstance(text, bytes) else text.encode(errors="replace")
        return self.token is not None and contains_token(body, self.token)

    def redact(self, text: str) -> str:
        """Return the text with the token replaced, plain or percent-encoded; a text that spells it otherwise is omitted."""
        for spelling in (self.token, quote(self.token, safe="")) if self.token else ():
            text = text.replace(spelling, "(token)")
        return "(omitted: contains the token)" if self.is_echoed(text) else text

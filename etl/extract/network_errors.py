"""What a request that got no answer means: its cause, what to do about it, and whether it may pass."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from dataclasses import dataclass
from errno import EHOSTUNREACH, ENETUNREACH
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import urllib3.exceptions as pool

from etl.core.errors import EtlError, SourceUnavailableError, UsageError
from etl.core.text import sanitize
from etl.extract.responses import TRANSIENT, RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CLOCK = "check the clock of this machine"
_CERTIFICATES = {  # by OpenSSL's number of what is wrong
    9: f"is not valid yet: {_CLOCK}",
    10: f"has expired: {_CLOCK}, or wait until the server has a new one",
    **dict.fromkeys((62, 64), "is that of another host: is {variable} right, or does a portal or proxy answer in its place?"),
}
_UNTRUSTED = (
    "is not trusted by {bundle}: if a proxy or mirror signs with a CA of its own, set REQUESTS_CA_BUNDLE to a file of its "
    "certificate in PEM"
)
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")
_SAYS = "as a server of HTTP/1.1 would not; is {variable} the address of the API?"
# What is wrong by the type of the first cause that is of one; subclasses come first.
_CAUSES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((http.client.RemoteDisconnected,), "it closed the connection without an answer"),
    ((ConnectionRefusedError,), "it refused the connection: does a server listen there, and is {variable} right?"),
    ((ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError), "it reset the connection"),
    ((http.client.IncompleteRead,), "the answer broke off"),
    ((http.client.LineTooLong,), f"it answered with headers that are too long, {_SAYS}"),
    ((http.client.BadStatusLine, http.client.UnknownProtocol), f"its first line is not a status, {_SAYS}"),
    ((http.client.HTTPException,), f"it answered with more than 100 headers, {_SAYS}"),
    ((requests.exceptions.InvalidHeader,), f"its headers contradict each other, {_SAYS}"),
    ((pool.DecodeError,), "the answer cannot be decompressed as its headers say"),
    ((pool.ProtocolError,), "the answer broke off"),
)


@dataclass(frozen=True)
class Route:
    """How a server is reached.

    Attributes:
        origin: Scheme, host and port of the server.
        variable: The name of the environment's variable for its address.
        proxy: The address of the proxy, if any, as the environment has it.
        bundle: The path of the CA bundle that the environment names; null without one.
        timeouts_s: Of a connection, of silence, and of a whole answer.
    """

    origin: str
    variable: str
    proxy: str | None
    bundle: str | None
    timeouts_s: tuple[float, float, float]

    @property
    def proxy_variables(self) -> str:
        return f"{self.origin.partition(':')[0].upper()}_PROXY or ALL_PROXY"

    @property
    def shown_proxy(self) -> str:
        """The address of the proxy without user and password."""
        return sanitize((self.proxy or "").rpartition("@")[2], 80)


def classify_failure(error: Exception, route: Route) -> EtlError | RetryableError:
    """Return what an error of requests or urllib3 means: BadUsage where a setting is wrong, else Unavailable, or to ask again."""
    causes = [*_causes(error)]
    if problem := _wrong_setting(causes, route):
        return UsageError(f"{route.origin}: {problem}")
    is_proxy = any(isinstance(each, pool.ProxyError) for each in causes)
    where = f"{route.origin}: the proxy {route.shown_proxy}" if is_proxy else route.origin
    if certificate := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
        told = _CERTIFICATES.get(certificate.verify_code, _UNTRUSTED)
        told = told.format(variable=route.variable, bundle=route.bundle or "the CA bundle of certifi")
        return SourceUnavailableError(f"{where}: its certificate {told} ({sanitize(certificate.verify_message)})")
    if status := _tunnel_status(causes):
        refused = SourceUnavailableError(
            f"{where}: answered {status} to CONNECT; later, or another {route.proxy_variables}, may work"
        )
        return RetryableError(refused) if status in TRANSIENT else refused
    variable = route.proxy_variables if is_proxy else route.variable
    cause = _unreached(causes, route) or _timeout(causes, route) or _cause(causes)
    return RetryableError(SourceUnavailableError(f"{where}: {cause.format(variable=variable)}; later may work"))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it wraps, each once, however requests, urllib3 and Python nest them."""
    rest, seen = [error], set()
    while rest:
        error = rest.pop(0)
        if id(error) not in seen:
            seen.add(id(error))
            yield error
            inner = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
            rest.extend(each for each in inner if isinstance(each, BaseException))


def _wrong_setting(causes: Sequence[BaseException], route: Route) -> str | None:
    """Return which setting is wrong and how to fix it; null where none is."""
    variables, shown = route.proxy_variables, route.shown_proxy
    if any(isinstance(each, requests.exceptions.InvalidSchema) for each in causes):
        return f"{variables} names a SOCKS proxy, which needs PySocks (pip install pysocks); install it, or name an HTTP proxy"
    if any(isinstance(each, requests.exceptions.InvalidURL | pool.LocationValueError | UnicodeError) for each in causes):
        return f"{variables} is not a valid address of a proxy (expected http://host:port, got {shown})"
    if _tunnel_status(causes) == 407:
        return f"the proxy {shown} wants user and password; write them into {variables}: http://user:password@host:port"
    if any(isinstance(each, OSError) for each in causes) and route.bundle and (problem := _bundle_problem(Path(route.bundle))):
        return f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE: {problem}; name a file of CA certificates in PEM, or unset it"
    if any(isinstance(each, ssl.SSLError) and each.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST") for each in causes):
        is_proxy = any(isinstance(each, pool.ProxyError) for each in causes)
        what = f"{variables}, the proxy," if is_proxy else f"{route.variable}, the server,"
        return f"TLS was expected where {what} speaks without; write http:// there, or name a port that speaks TLS"
    return None


def _bundle_problem(path: Path) -> str | None:
    """Return why a CA bundle cannot be used; null if it can. Of a folder, which OpenSSL reads as it goes, nothing is known."""
    try:
        if not path.is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return f"{path} has no certificates in PEM"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return None


def _tunnel_status(causes: Sequence[BaseException]) -> int | None:
    """Return the status with which a proxy refused a connection to a server of https; null where none did."""
    found = (_TUNNEL.match(str(each)) for each in causes if type(each) is OSError)
    return next((int(match[1]) for match in found if match), None)


def _unreached(causes: Sequence[BaseException], route: Route) -> str | None:
    """Return why there is no connection; null where there was one, or it took too long."""
    for each in causes:
        if isinstance(each, socket.gaierror):
            is_silent = each.errno in (socket.EAI_AGAIN, socket.EAI_FAIL)
            return "no name server answers; is there a network?" if is_silent else "no such host; is {variable} right?"
        if isinstance(each, OSError) and each.errno in (ENETUNREACH, EHOSTUNREACH):
            return "no way leads to it; is there a network?"
    timeouts = [each for each in causes if isinstance(each, pool.ConnectTimeoutError)]
    is_timeout = any(not isinstance(each, pool.NewConnectionError) for each in timeouts)
    return f"no connection within {route.timeouts_s[0]} s" if is_timeout else None


def _timeout(causes: Sequence[BaseException], route: Route) -> str | None:
    """Return that an answer took too long; null if none did."""
    kinds = (requests.ReadTimeout, pool.ReadTimeoutError, TimeoutError)
    if not any(isinstance(each, kinds) for each in causes):
        return None
    return f"silent for {route.timeouts_s[1]} s, or the answer not whole within {route.timeouts_s[2]} s"


def _cause(causes: Sequence[BaseException]) -> str:
    """Return why there is no answer on a connection."""
    words = (words for kinds, words in _CAUSES if any(isinstance(each, kinds) for each in causes))
    named = next((each for each in causes if isinstance(each, OSError) and each.errno), causes[-1])
    return next(words, f"no connection ({sanitize(getattr(named, 'strerror', None) or type(named).__name__)})")

"""Why a request got no response: the cause, how to fix it, and whether to retry."""

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
    from types import UnionType

_CLOCK = "check this machine's clock"
_CERTIFICATES = {  # by OpenSSL's verify code
    9: f"is not valid yet; {_CLOCK}",
    10: f"has expired; {_CLOCK}, or wait for the server to renew it",
    **dict.fromkeys((62, 64), "is for another host; is {variable} right, or does a captive portal or proxy respond instead?"),
}
_UNTRUSTED = (
    "is not trusted by {bundle}; if a proxy or mirror has its own CA, set REQUESTS_CA_BUNDLE to a PEM file with its certificate"
)
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")
_NOT_HTTP = "not valid HTTP/1.1; is {variable} the URL of the API?"
# By exception type; the first that matches a cause counts, so subclasses come first.
_PROBLEMS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((http.client.RemoteDisconnected,), "connection closed without a response"),
    ((ConnectionRefusedError,), "connection refused; is a server listening there, and is {variable} right?"),
    ((ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError), "connection reset"),
    ((http.client.IncompleteRead,), "the response was truncated"),
    ((http.client.LineTooLong,), f"the response headers are too long: {_NOT_HTTP}"),
    ((http.client.BadStatusLine, http.client.UnknownProtocol), f"the response has no status line: {_NOT_HTTP}"),
    ((http.client.HTTPException,), f"the response has more than 100 headers: {_NOT_HTTP}"),
    ((requests.exceptions.InvalidHeader,), f"the response headers contradict each other: {_NOT_HTTP}"),
    ((pool.DecodeError,), "the response cannot be decompressed as its Content-Encoding says"),
    ((pool.ProtocolError,), "the response was truncated"),
)


@dataclass(frozen=True)
class Route:
    """How a server is reached, by the environment.

    Attributes:
        origin: Scheme, host and port of the server.
        variable: The environment variable for its URL.
        proxy: The URL of the proxy; None without one.
        bundle: The path of the CA bundle; None for the default one.
        timeouts_s: Of connecting, of a read, and of a complete response.
    """

    origin: str
    variable: str
    proxy: str | None
    bundle: str | None
    timeouts_s: tuple[float, float, float]

    @property
    def proxy_variables(self) -> str:
        """The environment variables that may set the proxy, for messages."""
        return f"{self.origin.partition(':')[0].upper()}_PROXY or ALL_PROXY"

    @property
    def shown_proxy(self) -> str:
        """The URL of the proxy without user and password."""
        return sanitize((self.proxy or "").rpartition("@")[2], 80)


def classify_failure(error: Exception, route: Route) -> EtlError | RetryableError:
    """Return what an error of requests or urllib3 means: UsageError if a setting is wrong, else the source is unavailable."""
    causes = [*_causes(error)]
    if problem := _wrong_setting(causes, route):
        return UsageError(f"{route.origin}: {problem}")
    is_proxy = _has(causes, pool.ProxyError)
    where = f"{route.origin}: the proxy {route.shown_proxy}" if is_proxy else route.origin
    if certificate := next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None):
        problem = _CERTIFICATES.get(certificate.verify_code, _UNTRUSTED)
        problem = problem.format(variable=route.variable, bundle=route.bundle or "certifi's CA bundle")
        return SourceUnavailableError(f"{where}: the certificate {problem} ({sanitize(certificate.verify_message)})")
    if status := _tunnel_status(causes):
        advice = f"retry later, or set another {route.proxy_variables}"
        rejected = SourceUnavailableError(f"{where}: HTTP {status} in response to CONNECT; {advice}")
        return RetryableError(rejected) if status in TRANSIENT else rejected
    variable = route.proxy_variables if is_proxy else route.variable
    problem = _connect_problem(causes, route) or _timeout(causes, route) or _describe(causes)
    return RetryableError(SourceUnavailableError(f"{where}: {problem.format(variable=variable)}; retry later"))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it wraps, each once, however requests, urllib3 and Python nest them."""
    pending, seen = [error], set()
    while pending:
        error = pending.pop(0)
        if id(error) not in seen:
            seen.add(id(error))
            yield error
            inner = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
            pending.extend(cause for cause in inner if isinstance(cause, BaseException))


def _has(causes: Sequence[BaseException], kinds: type[BaseException] | UnionType | tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _wrong_setting(causes: Sequence[BaseException], route: Route) -> str | None:
    """Return which setting is wrong and how to fix it; None if none is."""
    variables, proxy = route.proxy_variables, route.shown_proxy
    if _has(causes, requests.exceptions.InvalidSchema):
        return f"{variables} names a SOCKS proxy, which requires PySocks; pip install pysocks, or use an HTTP proxy"
    if _has(causes, requests.exceptions.InvalidURL | pool.LocationValueError | UnicodeError):
        return f"{variables} is not a valid proxy URL (expected http://host:port, got {proxy})"
    if _tunnel_status(causes) == 407:
        return f"the proxy {proxy} requires user and password; set {variables} to http://user:password@host:port"
    if _has(causes, OSError) and route.bundle and (problem := _bundle_problem(Path(route.bundle))):
        return f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE: {problem}; set it to a PEM file of CA certificates, or unset it"
    if any(isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST") for cause in causes):
        name = f"{variables}, the proxy," if _has(causes, pool.ProxyError) else f"{route.variable}, the server,"
        return f"{name} does not speak TLS on this port; set it to http://, or to a port with TLS"
    return None


def _bundle_problem(path: Path) -> str | None:
    """Return why a CA bundle cannot be used; None if it can, or is a folder, which OpenSSL reads on demand."""
    try:
        if not path.is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return f"{path} contains no PEM certificates"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return None


def _tunnel_status(causes: Sequence[BaseException]) -> int | None:
    """Return the status with which a proxy rejected the CONNECT to an https server; None if none did."""
    matches = (_TUNNEL.match(str(cause)) for cause in causes if type(cause) is OSError)
    return next((int(match[1]) for match in matches if match), None)


def _connect_problem(causes: Sequence[BaseException], route: Route) -> str | None:
    """Return why connecting failed; None if it did not."""
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            is_dns_failure = cause.errno in (socket.EAI_AGAIN, socket.EAI_FAIL)
            return "no name server responds; is there a network?" if is_dns_failure else "host not found; is {variable} right?"
        if isinstance(cause, OSError) and cause.errno in (ENETUNREACH, EHOSTUNREACH):
            return "no route to the host; is there a network?"
    timeouts = [cause for cause in causes if isinstance(cause, pool.ConnectTimeoutError)]
    is_timeout = any(not isinstance(timeout, pool.NewConnectionError) for timeout in timeouts)
    return f"no connection within {route.timeouts_s[0]} s" if is_timeout else None


def _timeout(causes: Sequence[BaseException], route: Route) -> str | None:
    """Return which timeouts a response may have exceeded; None if it exceeded none."""
    if not _has(causes, (requests.ReadTimeout, pool.ReadTimeoutError, TimeoutError)):
        return None
    return f"no data for {route.timeouts_s[1]} s, or the response not complete within {route.timeouts_s[2]} s"


def _describe(causes: Sequence[BaseException]) -> str:
    """Return why a connection gave no response."""
    problems = (problem for kinds, problem in _PROBLEMS if _has(causes, kinds))
    named = next((cause for cause in causes if isinstance(cause, OSError) and cause.errno), causes[-1])
    return next(problems, f"no connection ({sanitize(getattr(named, 'strerror', None) or type(named).__name__)})")

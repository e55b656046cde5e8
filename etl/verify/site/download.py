"""Reading the files of a site over HTTP: one request at a time, over a connection that stays open."""

from __future__ import annotations

import time
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from etl.core.errors import SourceUnavailableError, UsageError
from etl.verify.site.reading import MAX_FILE_BYTES, VERSION, UnreadableFileError

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10, 30
FILE_TIMEOUT_S = 300  # for one file, redirects included
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024
_NOT_FOUND = (404, 410)
_REDIRECTS = (301, 302, 303, 307, 308)


def is_url(site: str) -> bool:
    """Return whether a site is named by an http(s) URL."""
    return site.lower().startswith(("http://", "https://"))


class UrlReader:
    """The files at a URL. Redirects are followed on the same host only, and not from https to http."""

    def __init__(self, site: str) -> None:
        parts = urlsplit(site)
        if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise UsageError("SITE: must be a folder or an http(s) URL without user, password, query and fragment")
        self.root = f"{site.rstrip('/')}/{VERSION}/"
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "model-manifests verify"
        retries = Retry(2, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), respect_retry_after_header=False)
        retries.raise_on_status = False
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, HTTPAdapter(max_retries=retries))

    def read(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        url, deadline = self.root + name, time.monotonic() + FILE_TIMEOUT_S
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                with self._get(url) as response:
                    if response.status_code not in _REDIRECTS:
                        return _content(response, max_bytes, deadline)
                    url = _redirect(url, response)
        except requests.RequestException as error:
            reason = type(error).__name__
            raise SourceUnavailableError(f"{url}: no complete response ({reason}); retry later") from error
        raise UnreadableFileError(f"redirected more than {_MAX_REDIRECTS} times")

    def _get(self, url: str) -> requests.Response:
        return self._session.get(url, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))


def _content(response: requests.Response, max_bytes: int, deadline: float) -> bytes:
    if response.status_code in _NOT_FOUND:
        raise UnreadableFileError(f"not found (status {response.status_code})")
    if response.status_code >= 500 or response.status_code == 429:
        raise SourceUnavailableError(f"{response.url}: the server has an error (status {response.status_code}); retry later")
    if response.status_code != 200:
        raise UnreadableFileError(f"not served (status {response.status_code})")
    chunks, length = [], 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        chunks.append(chunk)
        length += len(chunk)
        if length > max_bytes:
            raise UnreadableFileError(f"longer than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise SourceUnavailableError(f"{response.url}: took longer than {FILE_TIMEOUT_S} s; retry later")
    return b"".join(chunks)


def _redirect(url: str, response: requests.Response) -> str:
    """Return the URL that a response redirects to."""
    target = urljoin(url, response.headers.get("Location", ""))
    old, new = urlsplit(url), urlsplit(target)
    is_downgrade = old.scheme == "https" and new.scheme != "https"
    if new.hostname != old.hostname or new.scheme not in ("http", "https") or is_downgrade:
        raise UnreadableFileError(f"redirected to {new.scheme}://{new.netloc}, which is not followed")
    return target

"""The key of the publisher, and detached signatures with it: JWS (RFC 7515) with Ed25519 (RFC 8037, RFC 9864)."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson

from etl.core.errors import StorageError, UsageError, describe_os_error

if TYPE_CHECKING:
    from pathlib import Path

    from joserfc.jwk import OKPKey

_ALGORITHM: Final = "Ed25519"
_MAX_KEY_BYTES = 4096  # a key has about 150
_MAKE_KEY = "make a key: make keygen SIGN_KEY=FILE"


class SigningKey:
    """A private key, of which text and errors show the public part only.

    Attributes:
        warning: Who else can read its file, and the fix; None if only its owner can.
    """

    def __init__(self, key: OKPKey, warning: str | None = None) -> None:
        self._key = key
        self.warning = warning

    def __repr__(self) -> str:
        return f"SigningKey({self._key.as_dict(private=False)['x']})"

    def sign(self, content: bytes) -> bytes:
        """Return a detached JWS over some bytes, in compact form without the payload; equal content gives equal bytes."""
        from joserfc import jws

        compact = jws.serialize_compact({"alg": _ALGORITHM}, content, self._key, algorithms=[_ALGORITHM])
        return str(jws.detach_content(compact)).encode()


def read_signing_key(path: Path) -> SigningKey:
    """Return the private key in a file.

    Raises:
        UsageError: the file does not exist, cannot be read, or has no private key.
    """
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read(_MAX_KEY_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: not found; {_MAKE_KEY}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {describe_os_error(error, path)}") from None
    expected = f"{path}: must be a private key (expected a JWK of Ed25519"
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise UsageError(f"{expected}, got no JSON); {_MAKE_KEY}") from None
    if not isinstance(value, dict) or (value.get("kty"), value.get("crv")) != ("OKP", _ALGORITHM):
        raise UsageError(f"{expected}, got something else); {_MAKE_KEY}")
    if "d" not in value:
        raise UsageError(f"{expected}, got a public key); name the file without .pub")
    key = _import(value)
    if key is None:
        raise UsageError(f"{expected}, got one whose numbers do not fit each other); {_MAKE_KEY}")
    return SigningKey(key, _permission_warning(path, mode))


def write_key_pair(path: Path) -> dict[str, Any]:
    """Write a new private key, and the public key beside it as FILE.pub; return the public key as a JWK.

    Raises:
        UsageError: a file exists.
        StorageError: a file cannot be written.
    """
    from joserfc.jwk import OKPKey

    key = OKPKey.generate_key(_ALGORITHM)
    public = dict(key.as_dict(private=False))
    _create(path, dict(key.as_dict(private=True)), 0o600)
    try:
        _create(path.with_name(f"{path.name}.pub"), public, 0o644)
    except BaseException:
        path.unlink()
        raise
    return public


def _import(value: dict[str, Any]) -> OKPKey | None:
    """Return a private key; None if it is not valid. Errors of the library are dropped, since they may quote the key."""
    from joserfc.jwk import OKPKey

    key = None
    with suppress(Exception):
        imported = OKPKey.import_key({name: value[name] for name in ("kty", "crv", "x", "d")})
        derived = OKPKey.import_key(imported.as_pem(private=True))  # whose public part is that of the private one
        key = imported if derived.as_dict(private=False)["x"] == value["x"] else None
    return key


def _permission_warning(path: Path, mode: int) -> str | None:
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return None
    return f"{path}: other users can read the private key (mode {stat.S_IMODE(mode):o}); chmod 600 it"


def _create(path: Path, value: object, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise UsageError(f"{path}: exists, and a key is never overwritten; name another file") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise StorageError(f"{path}: cannot be written: {describe_os_error(error, path)}") from None

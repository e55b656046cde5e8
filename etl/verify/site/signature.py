"""The signature of the entry, checked with the publisher's public key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from etl.core.errors import UsageError, describe_os_error
from etl.storage.json_files import sha256
from etl.verify.published import Check
from etl.verify.site.files import ENTRY
from etl.verify.site.reading import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

    from joserfc.jwk import OKPKey

    from etl.verify.site.files import Site
    from etl.verify.site.reading import Reader

_ALGORITHM = "Ed25519"
_HEADER = "eyJhbGciOiJFZDI1NTE5In0"  # {"alg":"Ed25519"}
_MAX_BYTES = 4096
_DETACHED = re.compile(rb"([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]{86})")


def read_public_key(path: Path) -> OKPKey:
    """Return the public key in a file.

    Raises:
        UsageError: the file has none, or a private key, which only the publisher should have.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import OKPKey

    try:
        with path.open("rb") as file:
            value = orjson.loads(file.read(_MAX_BYTES))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {describe_os_error(error, path)}; name a public key: KEY=FILE.pub") from None
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict) or (value.get("kty"), value.get("crv")) != ("OKP", _ALGORITHM):
        raise UsageError(f"{path}: must be a public key (expected a JWK of {_ALGORITHM}); name the .pub of make keygen")
    if "d" in value:
        raise UsageError(f"{path}: is a private key; name the public one: KEY={path}.pub")
    try:
        key = OKPKey.import_key({name: value[name] for name in ("kty", "crv", "x")})
    except (JoseError, LookupError, ValueError):
        raise UsageError(f"{path}: not a valid public key: its x must be 32 bytes in base64url") from None
    return key


def check_signature(site: Site, reader: Reader, key: OKPKey | None) -> Check:
    """The entry has a detached JWS by the key; without a key, nothing is checked."""
    fix = f"{site.fix} SIGN_KEY=FILE"
    check = Check("signature", fix=fix)
    if key is None:
        check.notes.append("not checked: name the public key with KEY")
        return check
    if not site.content:
        return check
    check.looked_at = 1
    file = f"entry.{sha256(site.content)[:16]}.jws"
    try:
        problem = _problem(reader.read(file, _MAX_BYTES), site.content, key)
    except UnreadableFileError as error:
        problem = str(error)
    if problem:
        check.problems.append(f"{site.root}{ENTRY}: $: {file}: {problem}; {fix}")
    return check


def _problem(signature: bytes, content: bytes, key: OKPKey) -> str | None:
    """Return what is wrong with a signature; None if it is good."""
    from joserfc import jws
    from joserfc.errors import JoseError

    match = _DETACHED.fullmatch(signature)
    if match is None:
        return "not a detached JWS in compact form"
    if match[1] != _HEADER.encode():
        return f'its header must be {{"alg":"{_ALGORITHM}"}}'
    try:
        jws.deserialize_compact(signature, key, algorithms=[_ALGORITHM], payload=content)
    except (JoseError, ValueError):
        return f"not a signature of {ENTRY} by this key"
    return None

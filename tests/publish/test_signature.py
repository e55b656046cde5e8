"""Keys, and the signature of the entry."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from etl.publish.signature import read_signing_key
from tests.publish.site import Site, fill, records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workspace

# RFC 8037, appendix A.1
PRIVATE = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
SECRET = PRIVATE["d"]


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def key(workspace: Workspace) -> Path:
    """Return the file of a new private key."""
    path = workspace.filters.with_name("key")
    assert workspace.run("keygen", str(path)) == 0
    return path


def check(key: Path, content: bytes, signature: bytes) -> None:
    """Check a detached JWS without the library that wrote it.

    Raises:
        InvalidSignature: it is not by the key.
    """
    header, payload, signed = signature.decode("ascii").split(".")
    assert (json.loads(decode(header)), payload) == ({"alg": "Ed25519"}, "")
    public = Ed25519PublicKey.from_public_bytes(decode(json.loads(key.with_name("key.pub").read_text())["x"]))
    message = f"{header}.{base64.urlsafe_b64encode(content).decode().rstrip('=')}"
    public.verify(decode(signed), message.encode())


def test_keygen_writes_a_key_pair(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    key = workspace.filters.with_name("key")
    assert workspace.run("keygen", str(key)) == 0
    private, public = (json.loads(path.read_text()) for path in (key, key.with_name("key.pub")))
    assert {**public, "d": private["d"]} == private
    assert (private["kty"], private["crv"]) == ("OKP", "Ed25519")
    assert key.stat().st_mode & 0o777 == 0o600
    captured = capsys.readouterr()
    assert json.loads(captured.out) == public
    assert private["d"] not in captured.err + captured.out


@pytest.mark.parametrize("existing", ["key", "key.pub"])
def test_keygen_overwrites_nothing(workspace: Workspace, capsys: pytest.CaptureFixture[str], existing: str) -> None:
    path = workspace.filters.with_name(existing)
    path.write_text("mine")
    assert workspace.run("keygen", str(path.with_name("key"))) == 2
    assert f"{path}: exists, and a key is never overwritten" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert len([*path.parent.glob("key*")]) == 1


def test_the_signature_is_that_of_the_standard(tmp_path: Path) -> None:
    """RFC 8037, appendix A.4, with its header and payload, and the `alg` of RFC 9864 by the same key."""
    path = tmp_path / "key"
    path.write_text(json.dumps(PRIVATE))
    path.with_name("key.pub").write_text(json.dumps({"x": PRIVATE["x"]}))
    signature = read_signing_key(path).sign(b"Example of Ed25519 signing")
    check(path, b"Example of Ed25519 signing", signature)
    assert signature == read_signing_key(path).sign(b"Example of Ed25519 signing")
    with pytest.raises(InvalidSignature):
        check(path, b"Example of ed25519 signing", signature)


def test_publish_signs_the_entry(workspace: Workspace, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(workspace, *records())
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    site = Site(workspace)
    (signature,) = site.folder.glob("entry.*.jws")
    assert [path.stem for path in site.folder.glob("entry.*.json")] == [signature.stem]
    check(key, (site.folder / "entry.json").read_bytes(), signature.read_bytes())
    state = site.state()
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    assert site.state() == state
    secret = json.loads(key.read_text())["d"].encode()
    assert not [path for path in workspace.data.root.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert secret.decode() not in "".join(capsys.readouterr())


def test_an_unsigned_publication_is_signed_later_without_a_new_one(workspace: Workspace, key: Path) -> None:
    fill(workspace, *records())
    assert workspace.run("publish") == 0
    before = Site(workspace).state()
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    after = Site(workspace).state()
    (added,) = after.keys() - before.keys()
    assert added.endswith(".jws")
    assert {name: after[name] for name in before} == before
    (Site(workspace).folder / added).unlink()
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    assert Site(workspace).state()[added][0] == after[added][0]


def test_a_publication_signed_with_another_key_is_followed_by_a_new_one(workspace: Workspace, key: Path) -> None:
    fill(workspace, *records())
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    before, entry = Site(workspace).state(), Site(workspace).entry
    assert workspace.run("keygen", str(key.with_name("new"))) == 0
    assert workspace.run("publish", "--sign-key", str(key.with_name("new"))) == 0
    after = Site(workspace).state()
    assert {name: after[name] for name in before if name != "entry.json"} == {
        name: before[name] for name in before if name != "entry.json"
    }
    assert len(Site(workspace).entry["previous"]) == len(entry["previous"]) + 1
    assert len([name for name in after if name.endswith(".jws")]) == 2


def test_an_unsigned_publication_after_a_signed_one_is_a_warning(
    workspace: Workspace, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(workspace, *records())
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    fill(workspace, *records()[1:], fetched_at="2026-01-02T00:00:00.000Z")
    assert workspace.run("publish") == 0
    assert "the publication before is signed, and this one is not" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not found; make a key: make keygen"),
        ("secret words", "must be a private key (expected a JWK of Ed25519, got no JSON)"),
        ("[]", "must be a private key (expected a JWK of Ed25519, got something else)"),
        (json.dumps({**PRIVATE, "crv": "X25519"}), "got something else"),
        (json.dumps({**PRIVATE, "kty": "EC"}), "got something else"),
        (json.dumps({key: PRIVATE[key] for key in ("kty", "crv", "x")}), "got a public key); name the file without .pub"),
        (json.dumps({**PRIVATE, "x": "A" * 43}), "got one whose numbers do not fit each other"),
        (json.dumps({**PRIVATE, "x": 5}), "got one whose numbers do not fit each other"),
        (json.dumps({**PRIVATE, "d": SECRET[:-2]}), "got one whose numbers do not fit each other"),
        (json.dumps({**PRIVATE, "d": f"{SECRET}!"}), "got one whose numbers do not fit each other"),
    ],
)
def test_what_is_not_a_private_key_is_refused_before_anything_runs(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    path = workspace.filters.with_name("key")
    if content is not None:
        path.write_text(content)
    assert workspace.run("publish", "--sign-key", str(path)) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith(str(path))
    assert SECRET[:-2] not in captured.err + captured.out
    assert captured.out == ""


def test_a_key_that_others_can_read_is_a_warning(workspace: Workspace, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(workspace, *records())
    key.chmod(0o640)
    assert workspace.run("publish", "--sign-key", str(key)) == 0
    assert f"warning: {key}: other users can read the private key (mode 640); chmod 600 it" in capsys.readouterr().err


def test_the_text_of_a_key_has_the_public_part_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(json.dumps(PRIVATE))
    os.chmod(path, 0o600)  # noqa: PTH101 -- as a shell does
    assert repr(read_signing_key(path)) == f"SigningKey({PRIVATE['x']})"

"""verify --site with a key: the entry is signed, or the check fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.verify.test_stage import failed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.site.tampering import TamperedSite


@pytest.fixture
def key(site: TamperedSite, tmp_path: Path) -> Path:
    """Return the file of a public key, by whose private one the site is signed."""
    assert site.workspace.run("keygen", str(tmp_path / "key")) == 0
    assert site.workspace.run("publish", "--sign-key", str(tmp_path / "key")) == 0
    return tmp_path / "key.pub"


def test_a_signed_site_passes(site: TamperedSite, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.verify("--key", str(key)) == 0
    assert "ok   signature (1)\n" in capsys.readouterr().out
    assert site.verify() == 0
    assert "not checked: name the public key with KEY" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (lambda _: None, "not found"),
        (lambda text: text + "\n", "not a detached JWS"),
        (lambda text: text.replace("..", ".e30."), "not a detached JWS"),
        (lambda text: "eyJhbGciOiJub25lIn0" + text[text.index(".") :], "its header must be"),
        (lambda text: text[:-3] + "AAA", "not a signature of entry.json by this key"),
        (lambda text: text[: text.index("..") + 2] + "A" * 86, "not a signature of entry.json by this key"),
    ],
)
def test_another_signature_fails(
    site: TamperedSite, key: Path, capsys: pytest.CaptureFixture[str], signature: object, message: str
) -> None:
    assert callable(signature)
    (path,) = site.folder.glob("entry.*.jws")
    text = signature(path.read_text())
    path.unlink() if text is None else path.write_text(text)
    assert site.verify("--key", str(key)) == 1
    assert f"entry.json: $: {path.name}: {message}" in failed(capsys.readouterr().out)["signature"]


def test_a_changed_entry_or_another_key_fails(
    site: TamperedSite, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = site.folder.glob("entry.*.jws")
    content = path.read_bytes()
    assert site.workspace.run("keygen", str(tmp_path / "new")) == 0
    assert site.verify("--key", str(tmp_path / "new.pub")) == 1
    assert "not a signature of entry.json by this key" in failed(capsys.readouterr().out)["signature"]
    site.edit("entry", lambda entry: entry.update(max_age_s=1))
    (copy,) = [name for name in site.folder.glob("entry.*.json") if name.stem != path.stem]
    copy.with_suffix(".jws").write_bytes(content)
    assert site.verify("--key", str(key)) == 1
    assert "not a signature of entry.json by this key" in failed(capsys.readouterr().out)["signature"]


def test_what_is_not_a_public_key_is_refused(site: TamperedSite, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    private = key.with_name("key")
    assert site.verify("--key", str(private)) == 2
    error = capsys.readouterr().err
    assert f"is a private key; name the public one: KEY={key}" in error
    assert json.loads(private.read_text())["d"] not in error
    public = json.loads(key.read_text())
    for content in (
        "x",
        "[]",
        json.dumps({**public, "x": "AA"}),
        json.dumps({**public, "x": 5}),
        json.dumps({**public, "crv": "X"}),
    ):
        key.write_text(content)
        assert site.verify("--key", str(key)) == 2
        assert str(key) in capsys.readouterr().err
    key.unlink()
    assert site.verify("--key", str(key)) == 2
    assert "name a public key" in capsys.readouterr().err

"""A token in a response is found in any spelling, in linear time."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.extract.token_echo import contains_token
from tests.support.fake_api.server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.extract.conftest import LiveWorkspace

TOKEN = "hf_s3cr3t/A+z"  # noqa: S105 -- of the local server
SPELLINGS = [
    r"hf\u005fs3cr3t/A+z", r"\u0068f_s3cr3t/A+z", r"\u0068\u0066\u005F\u0073\u0033cr3t/A+z", r"hf_s3cr3t\/A+z",
    r"hf_s3cr3t\u002fA\u002Bz",
    "hf_s3cr3t%2FA%2Bz", "%68f_s3cr3t%2fA%2bz", "%2568f_s3cr3t%252FA%252Bz", "%252568f_s3cr3t/A+z", r"\\u0068f_s3cr3t\\/A+z",
    r"\u005cu0068f_s3cr3t/A+z", r"\u0025\u0036\u0038f_s3cr3t/A+z", r"%5Cu0068f_s3cr3t/A+z", r"%5c%75006%38f_s3cr3t/A+z", TOKEN,
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "page", ['[{{"id":"a/b","author":"{}"}}]', '[{{"id":"a/b","x":{{"{}":1}}}}]', '[{{"id":"a/b","tags":["x{}y"]}}]']
)
def test_page_with_the_token_in_any_spelling_is_not_stored(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spelling: str, page: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    body = page.format(spelling).encode()
    assert isinstance(json.loads(body), list)
    live.hub.fault = lambda *_: Fault(200, body)
    assert live.run("extract", "--source", "huggingface") == 65
    assert "the response contains the token, so it is not stored" in capsys.readouterr().err
    assert list(live.data.raw_root.rglob("*.json")) == []


@pytest.mark.parametrize("spelling", [r"\u0068f_s3cr3t/A+z", "%2568f_s3cr3t%252FA%252Bz"])
def test_error_with_an_escaped_token_is_redacted(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    live.hub.fault = lambda *_: Fault(403, f'{{"error":"{spelling}"}}'.encode(), {"Location": spelling})
    assert live.run("extract", "--verbose", "--source", "huggingface") == 75
    message = capsys.readouterr().err
    assert ": HTTP 403 Forbidden: (omitted: contains the token); " in message
    assert "s3cr3t" not in message


ESCAPES: dict[str, Callable[[str], str]] = {
    "plain": lambda character: character,
    "json": lambda character: f"\\u{ord(character):04x}",
    "JSON": lambda character: f"\\u00{ord(character):02X}",
    "url": lambda character: f"%{ord(character):02x}",
    "URL": lambda character: f"%{ord(character):02X}",
    "quoted twice": lambda character: quote(f"%{ord(character):02X}"),
    "json of url": lambda character: f"\\u0025{ord(character):02x}",
}


@given(st.lists(st.sampled_from(sorted(ESCAPES)), min_size=len(TOKEN), max_size=len(TOKEN)), st.text(max_size=20))
def test_each_character_may_be_escaped_differently(kinds: list[str], around: str) -> None:
    spelling = "".join(ESCAPES[kind](character) for kind, character in zip(kinds, TOKEN, strict=True))
    assert contains_token(f"{around}{spelling}{around}".encode(errors="replace"), TOKEN)
    assert not contains_token(f"{around}{spelling[:-1]}".encode(errors="replace"), f"{TOKEN}{TOKEN}")


def test_similar_text_is_not_the_token() -> None:
    page = r'[{"id":"hf_s3cr3","tags":["100%","%zz","\u00e9","\\","hf%20s3cr3t/A+z","\u0068f_s3cr3t\u002fA"]}]'
    assert not contains_token(page.encode(), TOKEN)


# Many escapes: in sequence, nested, and truncated.
@pytest.mark.parametrize("unit", ["%68", "%25", "%2568", "\\", "\\u0068", "\\u0025", "\\u005cu0025", "%", "\\u00", "%252525"])
def test_number_of_decoded_escapes_is_bounded(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    decoded: list[bytes] = []

    def decode(escape: re.Match[bytes]) -> bytes:
        decoded.append(escape[0])
        return bytes.fromhex(escape[1].decode())

    monkeypatch.setattr("etl.extract.token_echo._decode", decode)
    text = (unit * (100_000 // len(unit))).encode()
    assert not contains_token(text, TOKEN)
    assert len(decoded) <= len(text) / 2  # each decoding removes at least two characters

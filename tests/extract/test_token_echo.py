"""A token that an answer repeats is found in any spelling, in time that grows with the answer."""

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

TOKEN = "hf_s3cr3t/A+z"  # noqa: S105  of the local server
SPELLINGS = [
    r"hf\u005fs3cr3t/A+z", r"\u0068f_s3cr3t/A+z", r"\u0068\u0066\u005F\u0073\u0033cr3t/A+z", r"hf_s3cr3t\/A+z",
    r"hf_s3cr3t\u002fA\u002Bz",
    "hf_s3cr3t%2FA%2Bz", "%68f_s3cr3t%2fA%2bz", "%2568f_s3cr3t%252FA%252Bz", "%252568f_s3cr3t/A+z", r"\\u0068f_s3cr3t\\/A+z",
    r"\u005cu0068f_s3cr3t/A+z", r"\u0025\u0036\u0038f_s3cr3t/A+z", r"%5Cu0068f_s3cr3t/A+z", r"%5c%75006%38f_s3cr3t/A+z", TOKEN,
]  # fmt: skip


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize(
    "page", ['[{{"id":"a/b","author":"{}"}}]', '[{{"id":"a/b","x":{{"{}":1}}}}]', '[{{"id":"a/b","tags":["x{}y"]}}]']
)
def test_a_page_with_the_token_in_any_spelling_is_not_kept(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spelled: str, page: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    body = page.format(spelled).encode()
    assert isinstance(json.loads(body), list)
    live.hub.fault = lambda *_: Fault(200, body)
    assert live.run("extract", "--source", "huggingface") == 65
    assert "the answer repeats the token, so it is not kept" in capsys.readouterr().err
    assert list(live.data.raw_root.rglob("*.json")) == []


@pytest.mark.parametrize("spelled", [r"\u0068f_s3cr3t/A+z", "%2568f_s3cr3t%252FA%252Bz"])
def test_an_error_that_spells_the_token_otherwise_is_told_without_it(
    live: LiveWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spelled: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    live.hub.fault = lambda *_: Fault(403, f'{{"error":"{spelled}"}}'.encode(), {"Location": spelled})
    assert live.run("extract", "--verbose", "--source", "huggingface") == 75
    told = capsys.readouterr().err
    assert "answered 403 Forbidden: (left out: it repeats the token); " in told
    assert "s3cr3t" not in told


SPELLED: dict[str, Callable[[str], str]] = {
    "plain": lambda each: each,
    "json": lambda each: f"\\u{ord(each):04x}",
    "JSON": lambda each: f"\\u00{ord(each):02X}",
    "url": lambda each: f"%{ord(each):02x}",
    "URL": lambda each: f"%{ord(each):02X}",
    "quoted twice": lambda each: quote(f"%{ord(each):02X}"),
    "json of url": lambda each: f"\\u0025{ord(each):02x}",
}


@given(st.lists(st.sampled_from(sorted(SPELLED)), min_size=len(TOKEN), max_size=len(TOKEN)), st.text(max_size=20))
def test_each_character_may_be_spelled_in_its_own_way(ways: list[str], around: str) -> None:
    spelled = "".join(SPELLED[way](each) for way, each in zip(ways, TOKEN, strict=True))
    assert contains_token(f"{around}{spelled}{around}".encode(errors="replace"), TOKEN)
    assert not contains_token(f"{around}{spelled[:-1]}".encode(errors="replace"), f"{TOKEN}{TOKEN}")


def test_what_resembles_the_token_is_no_repetition() -> None:
    page = r'[{"id":"hf_s3cr3","tags":["100%","%zz","\u00e9","\\","hf%20s3cr3t/A+z","\u0068f_s3cr3t\u002fA"]}]'
    assert not contains_token(page.encode(), TOKEN)


# Many escapes one by one, within each other, and broken off.
@pytest.mark.parametrize("unit", ["%68", "%25", "%2568", "\\", "\\u0068", "\\u0025", "\\u005cu0025", "%", "\\u00", "%252525"])
def test_escapes_are_decoded_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    decoded: list[bytes] = []

    def decode(escape: re.Match[bytes]) -> bytes:
        decoded.append(escape[0])
        return bytes.fromhex(escape[1].decode())

    monkeypatch.setattr("etl.extract.token_echo._decode", decode)
    text = (unit * (100_000 // len(unit))).encode()
    assert not contains_token(text, TOKEN)
    assert len(decoded) <= len(text) / 2  # each decoding takes two characters away at least

"""Items of a list in a file are those of the list, whether they are parsed alone or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.core.errors import InvalidDataError
from etl.storage.json_files import dump_json
from etl.storage.json_list import JsonList

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.text() | st.sampled_from(["\n  },\n  {", "[\n  {", "\n  }\n]\n"])
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.sampled_from(["\n  },\n  {", "[\n  {", "\n  }\n]\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that every example overwrites."""
    return tmp_path_factory.mktemp("list") / "page.json"


def read(file: Path, content: bytes) -> JsonList:
    file.write_bytes(content)
    return JsonList(file)


@given(st.lists(st.dictionaries(st.text(), ANY_JSON, max_size=3) | ANY_JSON, max_size=5))
def test_items_are_those_of_the_list(file: Path, items: list[Any]) -> None:
    for content in (dump_json(items), orjson.dumps(items)):
        result = read(file, content)
        assert [*result] == items
        assert len(result) == len(items)
        assert result[1:3] == items[1:3]
        assert [result[-1]] == items[-1:] if items else not result


@given(st.lists(st.dictionaries(st.text(), ANY_JSON, max_size=3), min_size=1, max_size=5), st.data())
def test_items_are_found_in_any_order(file: Path, items: list[Any], data: st.DataObject) -> None:
    result = read(file, dump_json(items))
    for index in data.draw(st.lists(st.integers(-len(items), len(items) - 1), max_size=4)):
        assert result[index] == items[index]
    for index in (len(items), -len(items) - 1):
        with pytest.raises(IndexError):
            _ = result[index]


def test_items_before_an_edited_one_are_read(file: Path) -> None:
    items = [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}]
    content = dump_json(items)
    for text in (b"  },\n  {\n", b"  }, \n  {\n", b"  },\n\n  {\n"):
        head, _, tail = content.rpartition(b"  },\n  {\n")
        result = read(file, head + text + tail)
        assert [result[index] for index in (0, 2, 3)] == [items[0], items[2], items[3]]
        assert [*read(file, head + text + tail)] == items


def test_an_item_is_parsed_alone(file: Path) -> None:
    content = dump_json([{"a": 1}, {"b": [{"c": 2}]}, {"d": 3}])
    result = read(file, content.replace(b'"a": 1', b'"a": x'))
    assert result[1] == {"b": [{"c": 2}]}
    with pytest.raises(InvalidDataError, match=r"page.json: is not JSON: "):
        _ = result[0]


@pytest.mark.parametrize("content", [b"{}", b"null", b'[{"a": 1}', b""])
def test_what_is_no_list_is_refused(file: Path, content: bytes) -> None:
    with pytest.raises(InvalidDataError, match=r"page.json: (expected a list|is not JSON)"):
        read(file, content)

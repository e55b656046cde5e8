"""Pages of models of which some are changed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.storage.json_files import dump_json
from etl.transform.model_texts import replace_models

VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(alphabet='{}[],\n "a\\'),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(alphabet='{}\n "', max_size=3), values, max_size=3),
    max_leaves=8,
)
MODELS = st.lists(st.fixed_dictionaries({"id": VALUES, "size": VALUES}), min_size=1, max_size=5)


@given(MODELS, st.randoms(use_true_random=False), VALUES)
def test_some_models_are_changed_as_if_all_were_written_again(models: list[dict[str, Any]], random: Any, value: Any) -> None:
    indexes = random.sample(range(len(models)), random.randint(0, len(models)))
    expected = [{**model, "size": [value, index]} if index in indexes else model for index, model in enumerate(models)]
    assert replace_models(
        dump_json(models), indexes, lambda index, model: {**model, "size": [value, index]}
    ) == dump_json(expected)  # fmt: skip

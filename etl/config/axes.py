"""The axes of a source in filters.toml: options, and the fields, values and expressions that they test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.config.comparisons import check_comparisons
from etl.config.fields import nearest_suffix, nearest_value
from etl.config.options import REQUIREMENT, Axis, Option
from etl.core.errors import UsageError
from etl.core.text import sanitize
from etl.expressions.expression import parse_expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config.fields import Field
    from etl.expressions.expression import Expression


def parse_axes(
    source: str, table: Mapping[str, Mapping[str, Any]], fields: Mapping[str, Field]
) -> tuple[tuple[Axis, ...], list[str]]:
    """Return the axes of a source, and a line for each value that no model can have and each wrong expression.

    `fields` are those of its models.
    """
    axes, problems = [], []
    for name, keys in table.items():
        where = f"{source}.axes.{name}"
        options = {key: option for key, option in keys.items() if isinstance(option, dict)}
        tested = name if "field" in options else keys.get("field", name)
        if tested != name and tested not in fields:
            problems.append(f"{where}.field: {_unknown_field(tested, fields)}")
            continue
        problems += [*_invalid_values(where, tested, options, fields), *_invalid_orders(where, options, fields)]
        try:
            axes.append(_axis(where, name, tested, options, fields))
        except UsageError as error:
            problems.append(str(error))
    return tuple(axes), problems


def parse_requirement(source: str, text: str | None, fields: Mapping[str, Field]) -> Option | None:
    """Return `require` of a source as an option; None if absent.

    Raises:
        UsageError: the expression is wrong.
    """
    if text is None:
        return None
    where = _expression(f"{source}.{REQUIREMENT}", text, fields)
    return Option(REQUIREMENT, REQUIREMENT, "Required", "", where=where)


def _axis(where: str, name: str, tested: str, options: Mapping[str, Any], fields: Mapping[str, Field]) -> Axis:
    """Return an axis whose options test the values of a field."""
    parsed = []
    is_multivalued = tested in fields and fields[tested].is_list
    for index, (key, option) in enumerate(options.items()):
        expression = _expression(f"{where}.{key}.where", option["where"], fields) if "where" in option else None
        values = (frozenset(option.get("keeps", ())), frozenset(option.get("drops", ())))
        params = option.get("asks", {})
        parsed.append(
            Option(
                name, key, option["label"], tested, params, *values, expression,
                index == 0, is_multivalued, option.get("orders"),
            )
        )  # fmt: skip
    if not parsed:
        raise UsageError(f"{where}: has no options; the first one is the default")
    return Axis(name, tuple(parsed))


def _expression(key: str, text: str, fields: Mapping[str, Field]) -> Expression:
    item_names = [name for field in fields.values() for name in field.item_names]
    expression = parse_expression(key, text, [*fields], item_names)
    check_comparisons(expression, fields)
    return expression


def _invalid_values(where: str, tested: str, options: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    """Yield a line for each value of `keeps` or `drops` that no model can have, and for values that are in both."""
    for name, option in options.items():
        for key in [key for key in ("keeps", "drops") if key in option]:
            if field := fields.get(tested):
                problems = (problem for value in option[key] if (problem := field.problem(value)))
                yield from (f"{where}.{name}.{key}: {problem}" for problem in problems)
            else:
                yield f'{where}.{name}.{key}: {_unknown_field(tested, fields)}; or say what the axis tests: field = "…"'
        both = set(option.get("keeps", ())) & set(option.get("drops", ()))
        yield from (f"{where}.{name}: {value} is in keeps and in drops; remove it from one" for value in sorted(both, key=str))


def _invalid_orders(where: str, options: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    """Yield a line for each `orders` that does not name a field that models can be ordered by."""
    ordered = [field.name for field in fields.values() if field.has_order]
    for name, option in options.items():
        if "orders" in option and (field := option["orders"]) not in ordered:
            problem = f"{field} is neither a number nor a time" if field in fields else f"models have no field {sanitize(field)}"
            nearest = nearest_suffix(field, nearest_value(field, ordered))
            yield f"{where}.{name}.orders: {problem} (expected {', '.join(ordered)}){nearest}"


def check_orders(source: str, axes: Sequence[Axis], sort_param: str | None) -> None:
    """Refuse two orders of one filter: of options of two axes, or of `orders` beside a sort that its axis requests.

    The rule is about axes, not about the listed filters, so that each combination of options has at most one order.

    Raises:
        UsageError: a filter could have two.
    """
    first: Option | None = None
    for axis in axes:
        where = f"{source}.axes.{axis.name}"
        requesting = next((option for option in axis.options if sort_param in option.params), None)
        for option in (option for option in axis.options if option.order_field):
            if requesting:
                other = "it also" if sort_param in option.params else f"option {requesting.name} of its axis"
                problem = f"{other} requests {sort_param}, so that there would be two orders"
                raise UsageError(f"{where}.{option.name}.orders: {problem}; remove one, or put orders in another axis")
            first = first or option
            if first.axis != axis.name:
                problem = f"axis {first.axis} orders as well ({first.name}), and a filter has one order at most"
                raise UsageError(f"{where}.{option.name}.orders: {problem}; put orders in one axis")


def _unknown_field(name: str, fields: Mapping[str, Field]) -> str:
    return f"models have no field {name} (expected {', '.join(fields)}){nearest_suffix(name, nearest_value(name, fields))}"


def check_option_names(source: str, axes: Sequence[Axis]) -> None:
    """Refuse two non-default options with the same name, since a path would not say which one it means.

    Raises:
        UsageError: there are two.
    """
    owner_of: dict[str, str] = {}
    for option in (option for axis in axes for option in axis.options if not option.is_default):
        if option.name in owner_of:
            where = f"{source}.axes.{option.axis}.{option.name}"
            raise UsageError(f"{where}: axis {owner_of[option.name]} already has an option with this name; rename one of them")
        owner_of[option.name] = option.axis

"""The axes (facets) of a source in filters.toml, and their options: which models each of them matches."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.expressions.expression import Expression

REQUIREMENT = "require"  # instead of an axis, which cannot have this name


@dataclass(frozen=True, eq=False)
class Option:
    """One value of an axis.

    Attributes:
        field: The model field that `includes` and `excludes` test.
        params: Request parameters of a server-side option; empty for a purely client-side one.
        includes: Values of the field, one of which a model must have; empty for any.
        excludes: Values of the field, none of which a model may have.
        where: An expression that must be true for the model; None if absent.
        order_field: The field of the model that its filters order by, greatest first; None for stream order.
        is_default: Whether the option is the first of its axis, which paths leave out.
        is_multivalued: Whether the model field is a list, which matches by any of its values.
    """

    axis: str
    name: str
    label: str
    field: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    includes: frozenset[str | int] = frozenset()
    excludes: frozenset[str | int] = frozenset()
    where: Expression | None = None
    is_default: bool = False
    is_multivalued: bool = False
    order_field: str | None = None

    @property
    def title(self) -> str:
        """The option for a message: `size small`; for the requirement of a source, `require`."""
        return self.name if self.axis == REQUIREMENT else f"{self.axis} {self.name}"

    @property
    def tests_values(self) -> bool:
        """Whether the option tests the values of its field."""
        return bool(self.includes or self.excludes)

    @property
    def is_client_side(self) -> bool:
        """Whether the option tests models."""
        return self.tests_values or self.where is not None

    def reads(self, field: str) -> bool:
        """Return whether the option may read a field of the model."""
        by_expression = self.where is not None and (not self.where.is_narrow or field in self.where.fields)
        return by_expression or (self.tests_values and field == self.field)

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return whether a model matches, by its fields and the results of expressions by their keys."""
        return self.matches_values(values) and (self.where is None or values[self.where.key].is_match)

    def matches_values(self, values: Mapping[str, Any]) -> bool:
        """Return whether the model's field has an included value, and no excluded one."""
        if not self.tests_values:
            return True
        value = values[self.field]
        items = value if isinstance(value, list) else (value,)
        return (not self.includes or not self.includes.isdisjoint(items)) and self.excludes.isdisjoint(items)

    def is_disjoint(self, other: Option) -> bool:
        """Return whether no model can match both options of an axis, by the values of its field."""
        pairs = ((self, other), (other, self))
        if any(left.includes and left.includes <= left.excludes | right.excludes for left, right in pairs):
            return True
        is_single = not self.is_multivalued and self.includes and other.includes
        return bool(is_single) and self.includes.isdisjoint(other.includes - self.excludes - other.excludes)


@dataclass(frozen=True)
class Axis:
    """One thing a manifest can be filtered by; its first option is the default."""

    name: str
    options: tuple[Option, ...]

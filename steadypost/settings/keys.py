"""One key of the settings: its meaning, type, bounds, default and checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

Check = Callable[[Any], str]  # answers what is wrong and what to do; '' when nothing is
_NUMBERS = "a list of whole numbers like [200, 400]"
_WORDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def key(
    meaning: str,
    *checks: Check,
    default: Any = MISSING,
    example: Any = None,
    between: tuple[float, float] | None = None,
) -> Any:
    """Declare one key of a section; without a default the site cannot do without it."""
    about = {"meaning": meaning, "checks": checks, "example": example, "between": between}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Key:
    """One key as the file, the variables and the documentation know it."""

    section: str
    name: str
    type: Any
    meaning: str
    checks: tuple[Check, ...]
    example: Any
    between: tuple[float, float] | None
    default: Any
    is_required: bool

    @property
    def place(self) -> str:
        """Name the key as it stands in the file."""
        return f"[{self.section}] {self.name}"

    @property
    def variable(self) -> str:
        """Name the environment variable that wins over the file."""
        section = self.section.replace(".", "__")
        return f"STEADYPOST_{section}__{self.name}".upper()

    @property
    def is_list(self) -> bool:
        """Tell whether it takes several texts."""
        return get_origin(self.type) is tuple

    @property
    def choices(self) -> tuple[str, ...]:
        """Name the only values it takes; none: any."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def wanted(self) -> str:
        """Say in words what kind of value it takes."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.is_list:
            is_of_numbers = get_args(self.type)[0] is int
            return _NUMBERS if is_of_numbers else 'a list of texts like ["a", "b"]'
        if self.between:
            low, high = self.between
            return f"{_WORDS[self.type]} from {low:g} to {high:g}"
        return _WORDS[self.type]


def keys_of(name: str, section: type) -> list[Key]:
    """List the keys of one section in the order they are written."""
    types = get_type_hints(section)
    return [_key(name, types[item.name], item) for item in fields(section)]


def _key(section: str, type_: Any, item: Field[Any]) -> Key:
    is_required = item.default is MISSING
    default = None if is_required else item.default
    return Key(section, item.name, type_, **item.metadata, default=default, is_required=is_required)

"""Variants: what decides about the inlining is a key, and each value of the keys is compiled.

Keys are found one after the other, because what one decides may hide or bring others. So they
form a tree: a fork has keys, each way on is another fork, a variant, or the reason why there is
none. It grows where readers come along.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

from jinja2 import Template, nodes

from templates.compiler.parts import Parts, Repeat, everything_in
from templates.compiler.placeholders import Demand, KeysNeededError
from templates.compiler.residual import ResidualEnvironment
from templates.compiler.values import UnprovableError, names_in, signature
from templates.effort import limited_effort
from templates.errors import TemplateError

MOST_VARIANTS: Final = 64
MOST_ROUNDS: Final = 40
MOST_SPLITS: Final = 3  # of one loop: eight ways of a turn
LOOP_NAME: Final = re.compile(r"(?:turn|loop)(\d+)(?:_|$)")
V = TypeVar("V")


@dataclass
class Key:
    """An expression that decides: by whether it holds, or by what it writes."""

    name: str
    demand: Demand
    template: Template

    @classmethod
    def of(cls, demand: Demand, environment: ResidualEnvironment) -> Key:
        """Compile the expression of a demand."""
        result = nodes.Assign(nodes.Name("result", "store"), demand.expr, lineno=1)
        tree = nodes.Template([result], lineno=1)
        tree.set_environment(environment)
        return cls(key_name(demand), demand, environment.from_string(tree))

    def value(self, context: Mapping[str, Any]) -> object:
        """Work the key out for a reader; what cannot be worked out is a value too."""
        running = self.template.new_context(dict(context))
        try:
            with limited_effort():
                for _ in self.template.root_render_func(running):
                    pass
                result = running.vars["result"]
                if self.demand.kind == "truth":
                    return bool(result)
                assert self.template.environment.finalize is not None  # noqa: S101 -- set there
                return _Written(self.template.environment.finalize(result))
        except Exception as error:
            return _Failure(str(error))


@dataclass(frozen=True)
class _Written:
    """What a key writes, with its type: text that is escaped already is another value."""

    text: Any
    kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", type(self.text).__name__)


class _Failure(Exception):
    """A key that a reader's values cannot be put into; all failures are one value."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Failure)

    def __hash__(self) -> int:
        return 0


def key_name(demand: Demand) -> str:
    """Name a key by what it asks."""
    return f"{demand.kind}:{signature(demand.expr)}"


@dataclass
class Fork(Generic[V]):
    """A place where readers go different ways."""

    keys: tuple[Key, ...]
    ways: dict[tuple[object, ...], Fork[V] | V | UnprovableError] = field(default_factory=dict)


Splits: TypeAlias = dict[str, dict[str, nodes.Expr]]
Compile: TypeAlias = Callable[[dict[str, object], Splits], V]


class Variants(Generic[V]):
    """The variants of one page so far."""

    def __init__(self, compile_variant: Compile[V], environment: ResidualEnvironment) -> None:
        self._compile, self._environment = compile_variant, environment
        self._splits: Splits = {}
        self._lock = threading.RLock()
        self._root: Fork[V] = Fork(())
        self.count = 0

    def choose(self, context: Mapping[str, Any]) -> V:
        """Choose the variant for a reader; compile it if nobody needed it before.

        Raises:
            UnprovableError: there is none, for this reason.
        """
        fork, decisions = self._root, dict[str, object]()
        while True:
            values = tuple(key.value(context) for key in fork.keys)
            decisions |= {
                key.name: value.text if isinstance(value, _Written) else value
                for key, value in zip(fork.keys, values, strict=True)
            }
            way = fork.ways.get(values)
            if way is None:
                with self._lock:
                    way = fork.ways.get(values)
                    if way is None:
                        way = self._grow(decisions)
                        fork.ways[values] = way
            if isinstance(way, UnprovableError):
                raise way
            if not isinstance(way, Fork):
                return way
            fork = way

    def close(self, variant: V, why: UnprovableError) -> None:
        """Take a variant out: it was found wrong."""
        with self._lock:
            _close(self._root, variant, why)

    def keys(self) -> list[Demand]:
        """Give what was made a key so far, each once."""
        return list(_demands(self._root).values())

    def reasons(self) -> list[UnprovableError]:
        """Give the reasons why some readers have no variant."""
        return list(_reasons(self._root))

    def _grow(self, decisions: dict[str, object]) -> Fork[V] | V | UnprovableError:
        if self.count >= MOST_VARIANTS:
            return UnprovableError(f"there are more than {MOST_VARIANTS} variants of it")
        try:
            for _ in range(MOST_ROUNDS):
                try:
                    variant = self._compile(dict(decisions), self._splits)
                except KeysNeededError as needed:
                    keys = self._keys_of(needed, decisions)
                    if keys:
                        return Fork(keys)
                    continue  # a loop was split: try again
                self.count += 1
                return variant
        except UnprovableError as error:
            return error
        except (TemplateError, RecursionError) as error:
            return UnprovableError(f"{error}" or type(error).__name__)
        except Exception as error:
            return UnprovableError(f"{type(error).__name__}: {error}")
        return UnprovableError("it depends on too much")

    def _keys_of(self, needed: KeysNeededError, decisions: Mapping[str, object]) -> tuple[Key, ...]:
        wanted = {key_name(demand): demand for demand in needed.demands}
        keys = []
        for name, demand in list(wanted.items()):
            if name in decisions:
                keys.append(self._key_around(demand, decisions))
                continue
            if depth := _depth_of(demand.expr):
                self._split(name, demand, loops_about(demand.expr, depth, needed.parts))
            else:
                keys.append(Key.of(demand, self._environment))
        return tuple({key.name: key for key in keys}.values())

    def _key_around(self, demand: Demand, decisions: Mapping[str, object]) -> Key:
        """Make a key of a choice that encloses one which cannot be worked out for this reader."""
        for outer in demand.around:
            if key_name(outer) not in decisions and not _depth_of(outer.expr):
                return Key.of(outer, self._environment)
        raise UnprovableError(demand.why, demand.place)

    def _split(self, name: str, demand: Demand, loops: set[str]) -> None:
        """Let a loop's turn be executed for both ways of a condition on the turn's own values."""
        why = UnprovableError(f"in a loop over a reader's values: {demand.why}", demand.place)
        if demand.kind != "truth" or not loops:
            raise why
        for loop in loops:
            splits = self._splits.setdefault(loop, {})
            if name in splits or len(splits) >= MOST_SPLITS:
                raise why
            splits[name] = demand.expr


def _depth_of(expr: nodes.Expr) -> int:
    """Tell how deep in loops the values stand that an expression is about."""
    found = [LOOP_NAME.match(name) for name in names_in(expr)]
    return max((int(name[1]) for name in found if name), default=0)


def loops_about(expr: nodes.Expr, depth: int, parts: Parts) -> set[str]:
    """Find the loops at a depth whose turns an expression is used in."""
    wanted = signature(expr)
    return {
        part.key
        for part in everything_in(parts)
        if isinstance(part, Repeat)
        and part.loop_name == f"loop{depth}"
        and any(wanted in repr(inner) for inner in everything_in(part.body))
    }


def _close(fork: Fork[V], variant: V, why: UnprovableError) -> None:
    for values, way in fork.ways.items():
        if way is variant:
            fork.ways[values] = why
        elif isinstance(way, Fork):
            _close(way, variant, why)


def _demands(fork: Fork[Any]) -> dict[str, Demand]:
    found = {key.name: key.demand for key in fork.keys}
    for way in fork.ways.values():
        if isinstance(way, Fork):
            found |= _demands(way)
    return found


def _reasons(fork: Fork[Any]) -> Iterator[UnprovableError]:
    for way in fork.ways.values():
        if isinstance(way, UnprovableError):
            yield way
        elif isinstance(way, Fork):
            yield from _reasons(way)

"""Where evaluation stands: among which names, in which file and block."""

from __future__ import annotations

from dataclasses import dataclass, field

from jinja2 import nodes

from templates.compiler.parts import Place
from templates.compiler.values import Scope


@dataclass
class Run:
    """One file being executed: its blocks (the nearest first) and its own names."""

    top: Scope
    blocks: dict[str, list[tuple[str, nodes.Block]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """The surroundings of a node."""

    scope: Scope
    run: Run
    source: str
    block: tuple[str, int] | None = None  # its name, and how many overrides away

    def place(self, node: nodes.Node) -> Place:
        """Say where a node was written."""
        return Place(self.source, node.lineno or 0)

    def inside(self, scope: Scope | None = None) -> Frame:
        """Open a scope in this one."""
        return Frame(scope or Scope(self.scope), self.run, self.source, self.block)

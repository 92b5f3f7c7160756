"""Print results to stdout and messages to stderr: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click


def say(text: str) -> None:
    """Tell the person something; results go elsewhere."""
    click.echo(text, err=True)


def show(text: str = "") -> None:
    """Print a line of the result."""
    click.echo(text)


def show_json(value: Any) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print a table: drawn on a terminal, plain columns elsewhere."""
    texts = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, texts, title)
    else:
        _write(columns, texts, title)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show how far a long deed has come, while somebody watches."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as line:
        yield line.update


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: what people typed is no markup
    Console().print(table)


def _write(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    if title:
        click.echo(title)
    for row in (columns, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M %Z}"
    return printable(str(value))


def printable(text: str) -> str:
    """Write one line; control characters in what strangers typed must not reach a terminal."""
    return "".join(mark if mark.isprintable() else "·" for mark in text)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value)  # sets

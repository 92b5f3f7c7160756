"""Conditions and loops come in pairs: see that each closes where it opens."""

from __future__ import annotations

from collections.abc import Iterable

from templates.errors import JinjaCrossingError, JinjaSyntaxError
from templates.pieces import Piece

ENDINGS = {"endif": "if", "endfor": "for"}
MIDDLES = {"elif": ("if",), "else": ("if", "for")}


def check_pairs(statements: Iterable[Piece]) -> None:
    """See that the statements among one run of blocks or words pair up.

    Raises:
        JinjaCrossingError: one half is missing among these.
    """
    unpaired = _first_unpaired(statements)
    if unpaired is not None:
        raise JinjaCrossingError(unpaired.word, line=unpaired.line)


def check_closed(statements: Iterable[Piece]) -> None:
    """See that the statements of a whole document pair up, wherever they stand.

    Jinja itself would name the end of the document, not the line that opened.

    Raises:
        JinjaSyntaxError: a statement is never closed or never opened.
    """
    unpaired = _first_unpaired(statements)
    if unpaired is None:
        return
    word = unpaired.word
    if word in ENDINGS.values():
        problem = f"{{% {word} %}} is opened here and never closed; add {{% end{word} %}}"
    else:
        problem = f"{{% {word} %}} stands here without a beginning; remove it or add one before"
    raise JinjaSyntaxError(problem, line=unpaired.line)


def _first_unpaired(statements: Iterable[Piece]) -> Piece | None:
    open_pieces: list[Piece] = []
    for piece in statements:
        if piece.word in ENDINGS.values():
            open_pieces.append(piece)
        elif piece.word in MIDDLES:
            if not open_pieces or open_pieces[-1].word not in MIDDLES[piece.word]:
                return piece
        elif piece.word in ENDINGS:
            if not open_pieces or open_pieces[-1].word != ENDINGS[piece.word]:
                return piece
            open_pieces.pop()
    return open_pieces[-1] if open_pieces else None

"""Jinja's syntax messages in words for people who write emails."""

from __future__ import annotations

import re

ADVICE = (
    (r"unexpected '}'", "a field is not closed; write two braces on both sides: {{ … }}"),
    (r"unexpected char (\"'\"|'\"')", "a quotation mark is missing; close every ' or \" you open"),
    (r"Missing end of comment tag", "a comment {# is opened here and never closed; add #}"),
    (r"Missing end of raw directive", "{% raw %} is never closed; add {% endraw %}"),
    (
        r"expected token 'end of print statement', got '(.+)'",
        r"'\1' is not expected inside {{ … }}; is a | or a quotation mark missing before it?",
    ),
    (
        r"expected token 'end of statement block', got '(.+)'",
        r"'\1' is not expected inside {% … %}; is something missing before it?",
    ),
    (r"Expected an expression, got 'end of print statement'", "a field {{ }} is empty; name one"),
    (r"Encountered unknown tag '(\w+)'", r"{% \1 %} is not known here; use if, for or set"),
    (r"Unexpected end of template", "a condition or loop is never closed; add {% endif %} or so"),
)


def explain_syntax(message: str) -> str:
    """Say what to do about a message of Jinja's parser."""
    for pattern, advice in ADVICE:
        found = re.match(pattern, message)
        if found:
            return found.expand(advice)
    text = message.rstrip(".")
    return f"Jinja does not understand this ({text[:1].lower()}{text[1:]}); check its signs"

"""The headers every answer carries, and the two policies: for our pages and for shown emails."""

from __future__ import annotations

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

# An email has its styles inline and its pictures elsewhere; it may run and send nothing. The
# sandbox makes its origin opaque, so that it can reach no page of ours either.
_MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src https: data:",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)
MAIL_POLICY = f"{_MAIL_POLICY}; frame-ancestors 'none'"
SAMPLE_POLICY = f"{_MAIL_POLICY}; frame-ancestors 'self'"  # the sign-up page shows it in a frame

NOT_FOR_ROBOTS = {"X-Robots-Tag": "noindex, nofollow"}

_EVERYWHERE = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a path may hold a token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


async def add_headers(message: Message, scope: Scope) -> None:
    """Add what an answer does not already say, to every answer: errors and assets too."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in _EVERYWHERE.items():
        headers.setdefault(name, value)

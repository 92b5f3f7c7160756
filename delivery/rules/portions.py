"""How many messages to send before looking again at what else is due."""

from __future__ import annotations

from datetime import timedelta

FIRST = 50
MOST = 2000
_LEAST_TIME = timedelta(milliseconds=1)


def next_portion(portion: int, *, sent: int, took: timedelta, wanted: timedelta, least: int) -> int:
    """Choose a portion that fits into the wanted time, going by what was just sent.

    Who confirms while a large mailing goes over a slow relay hears at the end of the portion.
    Measured in messages and not cut off by the clock: were writing a portion slower than the
    time for it, the cut would come before the first message, every time.
    """
    if not sent:
        return portion
    fitting = int(sent * (wanted / max(took, _LEAST_TIME)))
    return max(least, min(fitting, 2 * portion, MOST))

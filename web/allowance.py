"""How often one network, or one address, may ask within an hour."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from threading import Lock

MOST_KEYS = 10_000  # a flood from many networks must not fill the memory


class Allowance:
    """A number of tries a period for each key, given back evenly (a token bucket).

    It is kept in this process: two processes allow twice as much, a restart forgets.
    """

    def __init__(self, tries: int, period: timedelta) -> None:
        self._depth = period
        self._step = period / tries
        self._filled_until: dict[str, datetime] = {}
        self._lock = Lock()

    def take(self, key: str, *, now: datetime) -> timedelta:
        """Take one try; zero when there was one, else how long until there is."""
        with self._lock:
            level = max(self._filled_until.pop(key, now), now)
            level = min(level, now + self._depth)  # the clock may have been put back
            wait = level + self._step - now - self._depth
            allowed = wait <= timedelta(0)
            self._filled_until[key] = level + self._step if allowed else level
            self._forget(now)
        return timedelta(0) if allowed else wait

    def __len__(self) -> int:
        """Count the keys that are remembered."""
        return len(self._filled_until)

    def _forget(self, now: datetime) -> None:
        if len(self._filled_until) <= MOST_KEYS:
            return
        used = {key: level for key, level in self._filled_until.items() if level > now}
        for key in list(used)[: max(0, len(used) - MOST_KEYS)]:
            del used[key]  # the longest untouched first
        self._filled_until = used


def network_of(client: str) -> str:
    """Name the network an address belongs to: one home has one IPv4 address or one IPv6 /64."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))

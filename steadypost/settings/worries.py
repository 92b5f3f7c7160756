"""What is allowed in the settings, and still should not stay so."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def worries_about(public_url: str) -> list[str]:
    """Say what should be changed before people are mailed."""
    address = urlsplit(public_url)
    if address.scheme != "http" or is_this_machine(address.hostname or ""):
        return []
    return [
        f"[web] public_url is {public_url}: names, addresses and links that act for a person "
        "travel unencrypted; set up https and write https:// there"
    ]


def is_this_machine(host: str) -> bool:
    """Tell whether a host leads nowhere but back."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

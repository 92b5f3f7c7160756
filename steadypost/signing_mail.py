"""Sign mail for the site's domain, as the settings say."""

from __future__ import annotations

import logging
from pathlib import Path

from delivery.dkim import DkimSigner, read_dkim_keys
from delivery.errors import DkimKeyError
from delivery.rules.addresses import to_ascii_domain
from steadypost.errors import DkimDomainError
from steadypost.settings.sections import Settings

LOG = logging.getLogger("steadypost")


def dkim_domain(settings: Settings) -> str:
    """Find the domain that signs, as the DNS writes it.

    Raises:
        DkimDomainError: receivers would not take its signature for the sender's (DMARC).
    """
    sender = settings.mail.from_address.rpartition("@")[2]
    wanted = settings.dkim.domain or sender
    domain, own = to_ascii_domain(wanted.lower()), to_ascii_domain(sender.lower())
    if domain is None or own is None or not f".{own}".endswith(f".{domain}"):
        raise DkimDomainError(wanted, sender)
    return domain


def dkim_key_text(path: Path) -> str:
    """Read the file with the private keys.

    Raises:
        DkimKeyError: it is missing or unreadable.
    """
    try:
        text = path.read_text("ascii")
        if path.stat().st_mode & 0o077:
            LOG.warning("others can read the DKIM key %s; chmod 600 it", path)
    except FileNotFoundError:
        raise DkimKeyError(str(path), "it is missing") from None
    except OSError as error:
        raise DkimKeyError(str(path), (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise DkimKeyError(str(path), "it is damaged, or no private key") from error
    return text


def make_signer(settings: Settings) -> DkimSigner | None:
    """Make what signs the site's mail; None where mail is not signed here.

    Raises:
        DkimKeyError: the key cannot be used.
        DkimDomainError: the domain is not the sender's.
    """
    if not settings.dkim.selector:
        return None
    path = settings.path(settings.dkim.key_file)
    keys = read_dkim_keys(dkim_key_text(path), place=str(path), selector=settings.dkim.selector)
    return DkimSigner(dkim_domain(settings), keys)

"""Write the envelope and the headers around a rendered email, and the links inside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from campaigns.issues import IssueFacts
from campaigns.ledger import AnswerFacts, Membership, Person, StepFacts
from campaigns.site import Site
from delivery.message import Letter, message_id
from delivery.rules.states import Kind
from subscribers.tokens import (
    HasPublicId,
    click_token,
    confirm_token,
    preferences_token,
    unsubscribe_token,
    view_token,
)
from templates.email import EncodedEmail, Reader, RenderedEmail

# Google, "Feedback-ID": the sender's own name has 5 to 15 characters and never changes.
_LONGEST_SENDER_NAME = 15
_SHORTEST_SENDER_NAME = 5


Email = EncodedEmail | RenderedEmail


class Posting(NamedTuple):
    """What makes one mail this delivery: equal over all its attempts."""

    public_id: str
    date: datetime
    kind: Kind


def step_context(facts: StepFacts, *, attribute_names: frozenset[str]) -> dict[str, Any]:
    """Gather the personal facts of a step, as plain data to keep with the delivery.

    No link is among them: a link is a permission, and can be made again.
    """
    return {
        "subscriber": _facts_about(facts.person, attribute_names),
        "series": {"title": facts.series_title, "part": facts.part, "parts": facts.parts},
    }


def issue_context(facts: IssueFacts, *, attribute_names: frozenset[str]) -> dict[str, Any]:
    """Gather the personal facts of a broadcast; what people asked for there is its list."""
    return {
        "subscriber": _facts_about(facts.person, attribute_names),
        "series": {"title": facts.membership.list_title},
    }


def _facts_about(person: Person, attribute_names: frozenset[str]) -> dict[str, Any]:
    names = {"first_name": person.first_name, "last_name": person.last_name}
    return {**dict.fromkeys(attribute_names, ""), **person.attributes, **names}


def reader_of(context: Mapping[str, Any], links: Mapping[str, str]) -> Reader:
    """Make the reader of a step or a broadcast from the facts kept with the delivery."""
    return Reader(subscriber=context["subscriber"], links=links, series=context["series"])


def answer_reader(facts: AnswerFacts, *, kind: Kind, site: Site) -> Reader:
    """Make the reader of a confirmation or a notice; part of no series yet."""
    person = facts.person
    return Reader(
        subscriber={
            **person.attributes,
            "first_name": person.first_name,
            "last_name": person.last_name,
        },
        links=answer_links(facts, kind=kind, site=site),
        series={"title": facts.membership.list_title},
    )


def step_links(
    membership: Membership, person: Person, *, delivery: HasPublicId, site: Site
) -> dict[str, str]:
    """Sign the links of a step or a broadcast for one person."""
    links = {
        **_standing_links(membership, person, site),
        "view": f"{site.public_url}/m/{view_token(site.keys, delivery)}",
    }
    if site.counts_clicks:
        links["click"] = click_token(site.keys, delivery)
    return links


def answer_links(facts: AnswerFacts, *, kind: Kind, site: Site) -> dict[str, str]:
    """Sign the links of a confirmation, or of an answer to somebody who is confirmed.

    Who has not confirmed has nothing to change or to leave yet, and ends it by doing nothing.
    """
    if kind is Kind.CONFIRMATION:
        return {"confirm": confirm_url(site, facts.membership)}
    return _standing_links(facts.membership, facts.person, site)


def _standing_links(membership: Membership, person: Person, site: Site) -> dict[str, str]:
    return {
        "unsubscribe": unsubscribe_url(site, membership),
        "preferences": f"{site.public_url}/p/{preferences_token(site.keys, person)}",
    }


def confirm_url(site: Site, membership: Membership) -> str:
    """Sign the link of a confirmation mail; it works for this asking only."""
    return f"{site.public_url}/confirm/{confirm_token(site.keys, membership)}"


def unsubscribe_url(site: Site, membership: Membership) -> str:
    """Sign the link, and the address for one click, that ends a subscription."""
    return _unsubscribe_url(site, unsubscribe_token(site.keys, membership))


def _unsubscribe_url(site: Site, token: str) -> str:
    return f"{site.public_url}/u/{token}"


def step_letter(email: Email, facts: StepFacts, posting: Posting, *, site: Site) -> Letter:
    """Address one step of a series; it can be unsubscribed with one click (RFC 8058)."""
    stream = f"series-{facts.series_id}:step-{facts.step_id}"
    return _list_letter(email, facts.person, facts.membership, posting, stream=stream, site=site)


def issue_letter(email: Email, facts: IssueFacts, posting: Posting, *, site: Site) -> Letter:
    """Address one broadcast to one person; it can be unsubscribed with one click."""
    stream = f"broadcast-{facts.broadcast_id}"
    return _list_letter(email, facts.person, facts.membership, posting, stream=stream, site=site)


def _list_letter(
    email: Email,
    person: Person,
    membership: Membership,
    posting: Posting,
    *,
    stream: str,
    site: Site,
) -> Letter:
    token = unsubscribe_token(site.keys, membership)
    mailto = f"mailto:{site.identity.unsubscribe_address}?subject=unsubscribe-{token}"
    return plain_letter(
        email,
        posting,
        to_address=person.email,
        site=site,
        list_id=(membership.list_title, f"{membership.list_slug}.{site.identity.mail_domain}"),
        unsubscribe_url=_unsubscribe_url(site, token),
        unsubscribe_mailto=mailto,
        one_click=True,
        feedback_id=_feedback_id(f"{membership.list_slug}:{stream}", site),
    )


def answer_letter(email: Email, facts: AnswerFacts, posting: Posting, *, site: Site) -> Letter:
    """Address a confirmation or a notice: a stream of its own, with nothing to unsubscribe."""
    stream = f"{facts.membership.list_slug}:answers:{posting.kind}"
    feedback_id = _feedback_id(stream, site)
    to_address = facts.person.email
    return plain_letter(email, posting, to_address=to_address, site=site, feedback_id=feedback_id)


def plain_letter(
    email: Email, posting: Posting, *, to_address: str, site: Site, **more: Any
) -> Letter:
    """Address an email to one person, with what every letter has, and more of a `Letter`."""
    identity = site.identity
    return Letter(
        from_name=email.from_name or identity.from_name,
        from_address=identity.from_address,
        reply_to=identity.reply_to,
        to_address=to_address,
        subject=email.subject,
        text=email.text,
        html=email.html,
        message_id=message_id(site.keys, posting.public_id, identity.mail_domain),
        date=posting.date,
        **more,
    )


def _feedback_id(stream: str, site: Site) -> str:
    """Name the stream, for a receiver's statistics: ids and no titles, nothing per person."""
    return f"{stream}:{_sender_name(site.identity.mail_domain)}"


@lru_cache(maxsize=16)
def _sender_name(mail_domain: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", mail_domain.lower())
    return letters[:_LONGEST_SENDER_NAME].ljust(_SHORTEST_SENDER_NAME, "0")

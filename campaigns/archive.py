"""Show a mail again exactly as it was sent."""

from __future__ import annotations

from sqlalchemy.orm import Session

from campaigns.editions import load_editions
from campaigns.issues import load_issues
from campaigns.ledger import load_steps
from campaigns.letters import reader_of, step_links
from campaigns.site import Site
from delivery.rules.states import Kind
from delivery.store import find_by_public_id
from templates.email import RenderedEmail, Renderer


def rendered_again(
    session: Session, site: Site, renderer: Renderer, delivery_public_id: str
) -> RenderedEmail | None:
    """Render a step or a broadcast from the revision and the personal facts it was sent with.

    None when it never came to a hand-over, belongs to somebody who was erased, or is a
    confirmation or a notice: those are not kept, and their links are not to be shown again.
    """
    delivery = find_by_public_id(session, delivery_public_id)
    if delivery is None or delivery.context is None or delivery.revision_id is None:
        return None
    load = load_issues if delivery.kind is Kind.BROADCAST else load_steps
    facts = load(session, [delivery.id]).get(delivery.id)
    if facts is None:
        return None
    names = site.attribute_names
    editions = load_editions(
        session, [delivery.revision_id], attribute_names=names, click_page=site.click_page
    )
    links = step_links(facts.membership, facts.person, delivery=delivery, site=site)
    return renderer.render(editions[delivery.revision_id], reader_of(delivery.context, links))

"""`steadypost clicks`: which links of a series or a broadcast were opened, and by how many."""

from __future__ import annotations

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import say, show_json, show_table


@click.command()
@click.argument("name", metavar="SERIES|BROADCAST")
@as_json
@for_a_site
def clicks(call: Call, name: str, is_json: bool) -> None:
    """Count who opened the links of an email.

    Only links that lead to the same page for everybody are counted, each person once, and
    programs that open links for people count as people.
    """
    from dataclasses import asdict

    from campaigns.clicks import count_links

    with call.parts() as parts, parts.database.reading() as session:
        found = count_links(session, name)
        is_counting = parts.site.counts_clicks
    if is_json:
        show_json([asdict(each) for each in found])
    elif found:
        rows = [[each.email, each.link, each.address, each.sent, each.people] for each in found]
        show_table(("email", "link", "leads to", "sent", "opened by"), rows)
    else:
        say(f"no email of {name} has a link that is the same for everybody")
    if not is_counting:
        say("clicks are not counted now; click_tracking = true under [campaigns] counts them")

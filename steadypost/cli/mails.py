"""`steadypost preview` and `steadypost send-test`: see an email before anybody gets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadypost.cli.call import Call, for_a_site
from steadypost.cli.output import say, show

if TYPE_CHECKING:
    from campaigns.preview import Preview


@click.command()
@click.argument("step")
@click.option("--as", "address", help="As this person would get it; else as a sample reader.")
@click.option("--theme", default="", help="In this theme; else in that of its series.")
@click.option("--text", "is_text", is_flag=True, help="Print the text part.")
@click.option("--open", "opens", is_flag=True, help="Open the HTML in the browser.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the HTML here.")
@for_a_site
def preview(
    call: Call,
    step: str,
    address: str | None,
    theme: str,
    is_text: bool,
    opens: bool,
    out: Path | None,
) -> None:
    """Show an email as somebody would get it. STEP is SERIES/STEP or SERIES/NUMBER."""
    from campaigns.preview import preview_step

    with call.parts() as parts, parts.database.reading() as session:
        found = preview_step(
            session,
            parts.site,
            parts.proving,
            step,
            address=address,
            theme=theme,
            now=parts.clock(),
        )
    show_email(found, is_text=is_text, opens=opens, out=out)


def show_email(found: Preview, *, is_text: bool, opens: bool, out: Path | None) -> None:
    """Show a rendered email: in the terminal, in a file, or in the browser."""
    say(f"from: {found.letter.from_name}")
    say(f"subject: {found.subject}\npreheader: {found.preheader}")
    if out is not None:
        out.write_text(found.html, "utf-8")
        say(f"wrote {out}")
    if opens:
        click.launch(_kept(found, out).resolve().as_uri())
    elif is_text:
        show(found.text)
    elif out is None:
        show(found.html)


def _kept(found: Preview, out: Path | None) -> Path:
    """Keep the page in a file until the browser has read it."""
    if out is not None:
        return out
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(
        "w", encoding="utf-8", prefix="steadypost-", suffix=".html", delete=False
    ) as file:
        file.write(found.html)
    return Path(file.name)


@click.command()
@click.argument("step")
@click.argument("address")
@click.option("--as", "reader", help="As this person would get it; else as a sample reader.")
@for_a_site
def send_test(call: Call, step: str, address: str, reader: str | None) -> None:
    """Send an email to ADDRESS as a test.

    It stands in nobody's progress. STEP is SERIES/STEP or SERIES/NUMBER.
    """
    from campaigns.preview import send_test as send_one
    from delivery.sender import Accepted
    from steadypost.errors import RelayRefusedError

    with call.parts() as parts:
        outcome = send_one(
            parts.database,
            parts.sender,
            parts.site,
            renderer=parts.proving,
            step_ref=step,
            to=address,
            address=reader,
            now=parts.clock(),
        )
    if not isinstance(outcome, Accepted):
        raise RelayRefusedError(outcome.relay, outcome.reply)
    show(f"{outcome.relay} took a test for {address}: {outcome.reply}")

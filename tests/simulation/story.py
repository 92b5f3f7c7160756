"""Tell what the relay saw in one seed, outside of any test: for a look, and to compare."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from campaigns import dispatch
from campaigns.site import ClinicCalendar, SenderIdentity, Site
from delivery import journal
from steadypost.migrating import migrate
from storage.database import open_database
from storage.signing import KeyRing
from tests.simulation.places import journals_of, wiped_databases
from tests.simulation.world import SMALL_BATCH, World

_SENDER = SenderIdentity(
    from_name="Riverside Clinic",
    from_address="hello@riverside.example",
    reply_to="",
    bounce_address="bounces@riverside.example",
    unsubscribe_address="leave@riverside.example",
    mail_domain="riverside.example",
)


def tell(seed: int) -> str:
    """Play a seed and list everything the relay accepted, with how often what went wrong."""
    logging.disable(logging.CRITICAL)
    with TemporaryDirectory() as folder:
        template = Path(folder, "template.db")
        database = open_database(f"sqlite:///{template}")
        migrate(database)
        database.close()
        with wiped_databases(template) as wipe:
            clean = wipe()
            world = World(seed, clean, _site(), journals=journals_of(clean))
            journal.boot_id = world.machine.boot
            dispatch.BATCH = SMALL_BATCH
            waiting = dispatch.send_queued.__kwdefaults__ or {}
            waiting["pause"] = world.wait
            world.play()
    lines = [f"{one.at} {one.recipient} {one.subject} {one.worker}" for one in world.relay.accepted]
    return "\n".join([*lines, *(f"{count} {name}" for name, count in sorted(world.totals.items()))])


def _site() -> Site:
    return Site(
        public_url="https://post.riverside.example",
        zone=ZoneInfo("Europe/Berlin"),
        identity=_SENDER,
        calendar=ClinicCalendar(),
        keys=KeyRing.from_text("5a" * 32),
        clinic={"name": "Riverside Clinic", "postal_address": "12 Mill Lane, Riverside RV1 2AB"},
    )

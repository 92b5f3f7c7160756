"""What does it cost to look ahead for a hundred thousand people, and to ask whom a rule means?

Run by `make bench`; the figures go to docs/performance.md. CROWD chooses how many. Nothing is
asserted about time: that everybody is counted, is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import update
from sqlalchemy.orm import Session

from campaigns.audiences import count_audience
from campaigns.forecast import outlook
from campaigns.models import Broadcast, Step
from campaigns.site import Site
from delivery.rules.quota import Quota
from storage.database import Database
from tests.crowd import NOW, gather_crowd

CROWD = int(os.environ.get("CROWD", "100000"))


def measured(database: Database, what: str, count: Callable[[Session], int]) -> int:
    began = time.process_time()
    with database.reading() as session:
        found = count(session)
    print(f"{what}: {found:,} in {time.process_time() - began:.1f} s of CPU")  # noqa: T201  (the figures)
    return found


def test_a_crowd_is_looked_at(sqlite_database: Database, site: Site) -> None:
    gather_crowd(sqlite_database, site, people=CROWD)
    with sqlite_database.transaction() as session:
        session.execute(update(Step).values(revision_id=Step.id))
    full = replace(site, quota=Quota(daily_limit=CROWD // 10))
    news = Broadcast(slug="news", list_id=1, audience="", queued_to=0)
    asking = Broadcast(slug="news", list_id=1, audience="first_name contains 7", queued_to=0)

    def ahead(site: Site) -> Callable[[Session], int]:
        return lambda session: outlook(session, site=site, now=NOW, days=14).total

    assert measured(sqlite_database, "forecast of 14 days", ahead(site)) == 2 * CROWD
    assert measured(sqlite_database, "the same under a quota", ahead(full)) <= 15 * CROWD // 10
    everybody = measured(sqlite_database, "a list", lambda s: count_audience(s, news))
    some = measured(sqlite_database, "a rule", lambda s: count_audience(s, asking))
    assert (everybody, 0 < some < CROWD) == (CROWD, True)

"""Tables: deliveries, the workers that own them while they are handed over, and what is held."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from delivery.rules.holds import Cause
from delivery.rules.states import Kind, State
from storage.base import Base, JsonObject, RowId, state_column
from storage.signing import new_public_id

# A literal, not a parameter: only then can every plan, also a generic prepared one, use it.
_IS_QUEUED = text("state = 'queued'")
_IS_URGENT = text("state = 'queued' AND kind IN ('confirmation', 'notice')")
_IS_AWAITED: dict[str, Any] = {
    "sqlite_where": text("state = 'queued' AND is_awaited = 1"),
    "postgresql_where": text("state = 'queued' AND is_awaited"),
}
_IS_OF_A_BROADCAST = text("broadcast_id IS NOT NULL")
_IS_SET_ASIDE = text("state IN ('held', 'uncertain')")
_IS_SENT = text("state = 'sent'")
_IS_IN_HAND = text("state IN ('claimed', 'sending')")
_IS_OPEN = text("released_at IS NULL")


class Delivery(Base):
    """One message for one subscriber: the row that is queued, claimed, marked and sent."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_due",
            "due_at",
            "id",
            sqlite_where=_IS_QUEUED,
            postgresql_where=_IS_QUEUED,
        ),
        # Somebody sits and waits for these: they are found without reading past the others.
        Index(
            "ix_deliveries_urgent",
            "due_at",
            "id",
            sqlite_where=_IS_URGENT,
            postgresql_where=_IS_URGENT,
        ),
        # So does whoever signed up just now: not behind a newsletter to everybody.
        Index("ix_deliveries_awaited", "due_at", "id", **_IS_AWAITED),
        Index(
            "ix_deliveries_in_hand",
            "owner",
            sqlite_where=_IS_IN_HAND,
            postgresql_where=_IS_IN_HAND,
        ),
        # What went today, for the quota; each row enters once, at the end.
        Index("ix_deliveries_sent", "done_at", sqlite_where=_IS_SENT, postgresql_where=_IS_SENT),
        # What staff is asked about: listed by every `status`.
        Index(
            "ix_deliveries_set_aside",
            "state",
            "id",
            sqlite_where=_IS_SET_ASIDE,
            postgresql_where=_IS_SET_ASIDE,
        ),
        Index("ix_deliveries_enrolment", "enrolment_id", "step_id"),
        Index(
            "ix_deliveries_broadcast",
            "broadcast_id",
            "state",
            sqlite_where=_IS_OF_A_BROADCAST,
            postgresql_where=_IS_OF_A_BROADCAST,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(26), unique=True, default=new_public_id)
    # At most one delivery for one purpose, for ever: `enrolment:88/step:3`.
    once_key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[Kind] = mapped_column(state_column(Kind))
    state: Mapped[State] = mapped_column(state_column(State), default=State.QUEUED)
    reason: Mapped[str] = mapped_column(Text, default="")  # why cancelled, held, expired, rejected
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    # A step that somebody asked for just now, by signing up or in so many words.
    is_awaited: Mapped[bool] = mapped_column(default=False, server_default=false())

    subscriber_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscribers.id", ondelete="SET NULL"), index=True
    )
    subscription_id: Mapped[int | None] = mapped_column(RowId)  # of all but the steps
    enrolment_id: Mapped[int | None] = mapped_column(RowId)
    step_id: Mapped[int | None] = mapped_column(RowId)
    broadcast_id: Mapped[int | None] = mapped_column(RowId)
    revision_id: Mapped[int | None] = mapped_column(RowId)  # what it was sent with
    document: Mapped[str] = mapped_column(String(64), default="")  # of a confirmation or notice
    # The personal facts it was rendered with, so that it can be shown again exactly.
    context: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)

    attempt: Mapped[int] = mapped_column(default=0)
    doubt_count: Mapped[int] = mapped_column(default=0)  # hand-overs whose answer was lost
    deferred_since: Mapped[datetime | None]  # first refusal "for now"; giving up counts from it
    owner: Mapped[int | None] = mapped_column(RowId)  # worker id
    # Set by the claim that leads to the first hand-over, and equal over all later ones.
    message_date: Mapped[datetime | None]
    sending_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    relay: Mapped[str] = mapped_column(String(255), default="")
    reply: Mapped[str] = mapped_column(Text, default="")  # the relay's last words


class DomainLine(Base):
    """The line before one receiving domain with a limit: where it ends, and how many went."""

    __tablename__ = "domain_lines"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    free_at: Mapped[datetime] = mapped_column(index=True)
    gone: Mapped[dict[str, Any]] = mapped_column(JsonObject, default=dict)  # mails by cell of time


class Click(Base):
    """The first time somebody opened one link of one mail; the number counts its links."""

    __tablename__ = "clicks"

    delivery_id: Mapped[int] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    link_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]


class Worker(Base):
    """A process that sends; its epoch fences it out once it was given up for dead."""

    __tablename__ = "workers"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    epoch: Mapped[int] = mapped_column(default=1)
    alive: Mapped[bool] = mapped_column(default=True, index=True)
    host: Mapped[str] = mapped_column(String(255))
    process_id: Mapped[int]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    journal: Mapped[str] = mapped_column(String(80), default="", server_default="")
    # What its last round came to, for `status`: {"at": …, "steps": [{"name": …, "done": …}]}.
    last_tick: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)


class Hold(Base):
    """Something that keeps mail back, or wants to be known: why, since when, until when."""

    __tablename__ = "holds"
    __table_args__ = (
        # One of a kind at a time, whoever notices it, and however often.
        Index(
            "uq_holds_open",
            "cause",
            "subject",
            unique=True,
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    cause: Mapped[Cause] = mapped_column(state_column(Cause))
    subject: Mapped[str] = mapped_column(String(255), default="")  # a relay or a series; the site
    detail: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime]
    released_at: Mapped[datetime | None]


class SiteFact(Base):
    """One fact about the whole site, such as its random id."""

    __tablename__ = "site_facts"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JsonObject)

"""Tables: series, steps, broadcasts, revisions, enrolments, and the days with mail."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.rules.broadcasts import USUAL_PRIORITY, BroadcastStatus
from campaigns.rules.standing import EnrolmentStatus, FirstStep, Origin, SeriesStatus
from storage.base import Base, JsonObject, RowId, state_column

_IS_ACTIVE = text("status = 'active'")
# Who has just confirmed by a click waits for the first email.
_IS_WAITED_FOR = text("status = 'active' AND origin = 'confirmation' AND last_sent_at IS NULL")


class Series(Base):
    """Ordered steps that a confirmed subscriber of one list gets, one after the other."""

    __tablename__ = "series"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    theme: Mapped[str] = mapped_column(String(64))
    send_hour: Mapped[int]  # local hour of people who chose none
    first_step: Mapped[FirstStep] = mapped_column(state_column(FirstStep))
    priority: Mapped[int] = mapped_column(default=100)  # lower goes first on a shared day
    status: Mapped[SeriesStatus] = mapped_column(
        state_column(SeriesStatus), default=SeriesStatus.ACTIVE
    )
    reason: Mapped[str] = mapped_column(Text, default="")
    paused_at: Mapped[datetime | None]  # while it is paused
    resumed_at: Mapped[datetime | None]  # end of the last pause
    exit_rule: Mapped[str] = mapped_column(Text, default="", server_default="")
    # Whether who had finished gets steps that are appended later.
    sends_new_to_finished: Mapped[bool] = mapped_column(default=True, server_default=true())
    newcomers_since: Mapped[datetime | None]  # None: also who was on the list before
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    # The walk past everybody when the series or the clinic's calendar is new to them
    # (`walking.py`): the calendar it is for, and the last person it has come to; None: at its end.
    walked_for: Mapped[str | None] = mapped_column(String(64))
    walked_to: Mapped[int | None] = mapped_column(RowId)


class Step(Base):
    """One email of a series. Its id is permanent; its place is only a column."""

    __tablename__ = "steps"
    __table_args__ = (UniqueConstraint("series_id", "key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    key: Mapped[str] = mapped_column(String(64))  # its permanent name in the series folder
    file: Mapped[str] = mapped_column(String(120), default="")  # its document, in that folder
    position: Mapped[int]  # 1 is first; unpublished steps keep their place
    wait_days: Mapped[int]  # local calendar days since the step before was accepted
    published: Mapped[bool] = mapped_column(default=True)
    revision_id: Mapped[int | None] = mapped_column(RowId)  # the one to send now
    condition: Mapped[str] = mapped_column(Text, default="", server_default="")
    # The completion email: it follows the last part, and readers do not count it as one.
    is_closing: Mapped[bool] = mapped_column(default=False, server_default=false())


class Broadcast(Base):
    """One message sent once to an audience: an issue of a newsletter."""

    __tablename__ = "broadcasts"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    file: Mapped[str] = mapped_column(String(120))  # its document
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    theme: Mapped[str] = mapped_column(String(64))
    audience: Mapped[str] = mapped_column(Text, default="")  # the rule; empty: the whole list
    priority: Mapped[int] = mapped_column(default=USUAL_PRIORITY)  # lower goes first
    grace_hours: Mapped[int]  # so late it may be before it is held
    status: Mapped[BroadcastStatus] = mapped_column(
        state_column(BroadcastStatus), default=BroadcastStatus.DRAFT
    )
    reason: Mapped[str] = mapped_column(Text, default="")  # why held
    revision_id: Mapped[int | None] = mapped_column(RowId)
    begins_at: Mapped[datetime | None]  # nothing of it goes before; None: nobody said when
    day: Mapped[date | None]  # with `hour`: on this day of each reader, at their hour
    hour: Mapped[int | None]
    released_at: Mapped[datetime | None]  # it was late, and somebody said: all the same
    # People get their delivery in the order of their ids. Those up to here have theirs, and
    # `queued_at` says since when everybody has.
    queued_to: Mapped[int] = mapped_column(RowId, default=0)
    queued_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Surroundings(Base):
    """What every email of a moment shares: the theme's files and the clinic's facts."""

    __tablename__ = "surroundings"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    theme: Mapped[dict[str, Any]] = mapped_column(JsonObject)  # {"name": …, "files": {…}}
    clinic: Mapped[dict[str, Any]] = mapped_column(JsonObject)
    created_at: Mapped[datetime]


class Revision(Base):
    """A published state of one document; deliveries remember theirs for ever."""

    __tablename__ = "revisions"
    __table_args__ = (
        UniqueConstraint("step_id", "digest"),
        UniqueConstraint("broadcast_id", "digest"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    # It belongs to one of the two.
    step_id: Mapped[int | None] = mapped_column(ForeignKey("steps.id"))
    broadcast_id: Mapped[int | None] = mapped_column(ForeignKey("broadcasts.id"))
    digest: Mapped[str] = mapped_column(String(64))  # of document and surroundings
    document: Mapped[str] = mapped_column(Text)
    surroundings: Mapped[str] = mapped_column(ForeignKey("surroundings.digest"))
    created_at: Mapped[datetime]


class Enrolment(Base):
    """One subscriber's way through one series: the pointer beside the ledger."""

    __tablename__ = "enrolments"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "series_id", "round"),
        Index(
            "ix_enrolments_look",
            "look_at",
            "id",
            sqlite_where=_IS_ACTIVE,
            postgresql_where=_IS_ACTIVE,
        ),
        Index(
            "ix_enrolments_waited_for",
            "look_at",
            "id",
            sqlite_where=_IS_WAITED_FOR,
            postgresql_where=_IS_WAITED_FOR,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    round: Mapped[int] = mapped_column(default=1)
    status: Mapped[EnrolmentStatus] = mapped_column(
        state_column(EnrolmentStatus), default=EnrolmentStatus.ACTIVE
    )
    reason: Mapped[str] = mapped_column(Text, default="")
    origin: Mapped[Origin] = mapped_column(state_column(Origin))
    enrolled_at: Mapped[datetime]
    last_step_id: Mapped[int | None] = mapped_column(RowId)
    last_sent_at: Mapped[datetime | None]  # acceptance, not the due time
    # When to look at this enrolment again. A hint that saves work, never the truth: the due
    # date is derived from the facts each time. A past moment means "look now".
    look_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    starts_at: Mapped[datetime | None]  # a staggered start: nothing goes before
    asked_at: Mapped[datetime | None]  # the person asked for the next one now
    # Whether the person, having finished, wants steps that are appended later; None: no word.
    hears_of_new: Mapped[bool | None]


class SkippedStep(Base):
    """A step that was left out for one person, with the reason: never sent, never silent."""

    __tablename__ = "skipped_steps"

    enrolment_id: Mapped[int] = mapped_column(
        ForeignKey("enrolments.id", ondelete="CASCADE"), primary_key=True
    )
    step_id: Mapped[int] = mapped_column(RowId, primary_key=True)
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    # The slot it would have had, when the next wait counts from there (a skip that was wished
    # for); None when the wait does not start anew (a condition that was false).
    counts_from: Mapped[datetime | None]


class SeriesEdit(Base):
    """What a series was before it was edited, so that the last edit can be undone."""

    __tablename__ = "series_edits"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    at: Mapped[datetime]
    before: Mapped[dict[str, Any]] = mapped_column(JsonObject)  # a series folder
    undone_at: Mapped[datetime | None]


class MailedDay(Base):
    """One local day of one person on which a marketing email went: there is room for one.

    The primary key is the guard: two series that mark in the same moment cannot both win.
    """

    __tablename__ = "mailed_days"

    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)  # local to the person
    delivery_id: Mapped[int] = mapped_column(RowId)


class DailyVolume(Base):
    """How many emails of series were queued on one day of the clinic's calendar."""

    __tablename__ = "daily_volumes"

    day: Mapped[date] = mapped_column(primary_key=True)
    queued: Mapped[int] = mapped_column(default=0)
    allowed: Mapped[int] = mapped_column(default=0)  # beyond the usual, because staff said so

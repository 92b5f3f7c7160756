"""Tables: subscribers, lists, subscriptions, consent records, tags, suppressions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, JsonObject, RowId, state_column
from storage.signing import new_public_id
from subscribers.rules.standing import ConsentKind, Pace, Standing, SuppressionReason

_IS_WANTED = text("notice_wanted_at IS NOT NULL")
_IS_UNCONFIRMED = text("standing = 'unconfirmed'")
# Empty in quiet times, however many people there are: who moved since the clock last looked.
_HAS_MOVED = text("noted IS DISTINCT FROM standing")
_HAS_MOVED_IN_SQLITE = text("noted IS NOT standing")  # the older spelling of the same
_IS_NEW = text("NOT noted")
_IS_NEW_IN_SQLITE = text("noted = 0")


class Subscriber(Base):
    """A person known by one email address, with what they chose."""

    __tablename__ = "subscribers"
    # Ids are never used twice: a once key names them for ever.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(26), unique=True, default=new_public_id)
    email: Mapped[str] = mapped_column(String(320), unique=True)  # normalised
    first_name: Mapped[str] = mapped_column(String(200), default="")
    last_name: Mapped[str] = mapped_column(String(200), default="")
    time_zone: Mapped[str | None] = mapped_column(String(64))  # None: the clinic's
    weekday: Mapped[int | None]  # 0 Monday to 6 Sunday; None: the day they confirmed on
    hour: Mapped[int | None]  # 0 to 23, local; None: the series' hour
    pace: Mapped[Pace] = mapped_column(state_column(Pace), default=Pace.AS_WRITTEN)
    paused_until: Mapped[date | None]  # local date of the first day they can be mailed again
    attributes: Mapped[dict[str, Any]] = mapped_column(JsonObject, default=dict)
    created_at: Mapped[datetime]
    # Rises with every change that can move a due date, so that a stale plan is noticed.
    changed_at: Mapped[datetime] = mapped_column(index=True)


class MailingList(Base):
    """A named thing one can subscribe to; its slug is in public URLs and in List-Id."""

    __tablename__ = "lists"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class Subscription(Base):
    """One subscriber's standing with one list."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "list_id"),
        # Nearly nobody is owed a notice, and every tick asks who is.
        Index(
            "ix_subscriptions_notice",
            "notice_wanted_at",
            sqlite_where=_IS_WANTED,
            postgresql_where=_IS_WANTED,
        ),
        Index(
            "ix_subscriptions_asked",
            "requested_at",
            sqlite_where=_IS_UNCONFIRMED,
            postgresql_where=_IS_UNCONFIRMED,
        ),
        Index(
            "ix_subscriptions_moved",
            "standing",
            "id",
            sqlite_where=_HAS_MOVED_IN_SQLITE,
            postgresql_where=_HAS_MOVED,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(26), unique=True, default=new_public_id)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    standing: Mapped[Standing] = mapped_column(state_column(Standing))
    # The standing whose consequences the clock has drawn: ways begun or ended. Whoever changes the
    # standing need not tell; where the two differ, the next tick looks. None: look in any case.
    noted: Mapped[Standing | None] = mapped_column(state_column(Standing))
    # Counts the times this person asked, so that each asking has its own confirmation mail
    # (once key `confirm:subscription:7/asking:2`) and each link works for its asking only.
    asking: Mapped[int] = mapped_column(default=1)
    requested_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    # Somebody asked again for a confirmed person: they are owed the notice "you are already
    # subscribed". It moves at most once in 24 hours and is never cleared, so a once key made
    # from it (`notice:subscription:7/at:<moment>`) allows at most one notice a day.
    notice_wanted_at: Mapped[datetime | None]


class ConsentRecord(Base):
    """When, how, from where and to which words a person said yes or no; only added to."""

    __tablename__ = "consent_records"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    # No foreign key: the record outlives the person, who is then known by the digest only.
    subscriber_id: Mapped[int | None] = mapped_column(RowId, index=True)
    address_digest: Mapped[str] = mapped_column(String(32), index=True)
    list_slug: Mapped[str] = mapped_column(String(64))
    kind: Mapped[ConsentKind] = mapped_column(state_column(ConsentKind))
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(200))  # "sign-up form", "import clients.csv", …
    network_address: Mapped[str] = mapped_column(String(64), default="")
    wording: Mapped[str] = mapped_column(Text, default="")  # the words they said yes to


class SubscriberTag(Base):
    """A word the clinic put on a person."""

    __tablename__ = "subscriber_tags"

    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class SubscriberEvent(Base):
    """Something that happened to a person and that series may ask about: they booked, they came."""

    __tablename__ = "subscriber_events"

    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]  # the last time


class Suppression(Base):
    """An address we must not mail; outlives the subscriber."""

    __tablename__ = "suppressions"
    __table_args__ = (
        Index(
            "ix_suppressions_new", "id", sqlite_where=_IS_NEW_IN_SQLITE, postgresql_where=_IS_NEW
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)  # normalised
    reason: Mapped[SuppressionReason] = mapped_column(state_column(SuppressionReason))
    at: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text, default="")
    noted: Mapped[bool] = mapped_column(default=False)  # the clock has ended the ways it ends


class UnfinishedImport(Base):
    """How far the import of a file has come; gone with its last row, and holds no people.

    The file itself is what goes on being read after a crash: it is known by its digest.
    """

    __tablename__ = "unfinished_imports"
    __table_args__ = (UniqueConstraint("file_digest", "list_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    file_digest: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(Text)
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    consent_source: Mapped[str] = mapped_column(Text)
    skips_bad: Mapped[bool]
    rows: Mapped[int]
    rows_done: Mapped[int] = mapped_column(default=0)
    fates: Mapped[dict[str, Any]] = mapped_column(JsonObject, default=dict)  # counts so far
    begun_at: Mapped[datetime]
    went_on_at: Mapped[datetime]

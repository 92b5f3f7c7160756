"""Imports that take many transactions: how far each has come, so that a crash costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from storage.bulk import give_room
from storage.signing import KeyRing
from subscribers.batches import ImportTarget, import_batch
from subscribers.errors import ImportedElsewhereError, InvalidTextError
from subscribers.importing import CheckedRows, FilePortion
from subscribers.mailing_lists import get_list
from subscribers.models import MailingList, UnfinishedImport

FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class ImportOrder:
    """Which file goes to which list, and by which consent."""

    file_name: str
    file_digest: str
    list_slug: str
    consent_source: str
    keys: KeyRing
    skips_bad: bool = False


@dataclass(frozen=True)
class HowFar:
    """What an import has done so far."""

    id: int
    rows: int
    rows_done: int
    fates: Mapping[str, int]  # what became of those rows
    skips_bad: bool


@dataclass(frozen=True)
class UnfinishedFile:
    """An import that broke off, or runs just now."""

    file_name: str
    list_slug: str
    rows: int
    rows_done: int
    begun_at: datetime
    went_on_at: datetime


def refuse_order(session: Session, order: ImportOrder) -> None:
    """Stop whoever orders what cannot be done, before a long file is read.

    Raises:
        UnknownListError: there is no such list.
        InvalidTextError: no consent is named.
    """
    if not order.consent_source.strip():
        said = order.consent_source
        raise InvalidTextError("consent", said, "say when and how these people said yes")
    get_list(session, order.list_slug)


def find_unfinished(session: Session, order: ImportOrder) -> HowFar | None:
    """Find the import of the same file to the same list by the same consent."""
    found = session.scalars(
        select(UnfinishedImport).where(
            UnfinishedImport.file_digest == order.file_digest,
            UnfinishedImport.list_id == get_list(session, order.list_slug).id,
            UnfinishedImport.consent_source == order.consent_source,
        )
    ).one_or_none()
    return _how_far(found) if found else None


def begin_import(
    session: Session, order: ImportOrder, checked: CheckedRows, *, now: datetime
) -> HowFar:
    """Write down that an import begins, or find how far it came.

    It takes the place of any other of this file, by content or by name, to this list: who
    corrects a file brings it again. What nobody went on with for a month is forgotten.
    """
    going_on = find_unfinished(session, order)
    list_id = get_list(session, order.list_slug).id
    _forget_others(session, order, list_id=list_id, but=going_on.id if going_on else 0, now=now)
    if going_on:
        return going_on
    begun = UnfinishedImport(
        file_digest=order.file_digest,
        file_name=order.file_name,
        list_id=list_id,
        consent_source=order.consent_source,
        skips_bad=order.skips_bad,
        rows=checked.rows,
        rows_done=0,
        fates={},
        begun_at=now,
        went_on_at=now,
    )
    session.add(begun)
    session.flush()
    return _how_far(begun)


def forget_import(session: Session, import_id: int) -> None:
    """Forget how far an import came; the people it has brought stay."""
    session.execute(delete(UnfinishedImport).where(UnfinishedImport.id == import_id))


def import_portion(
    session: Session, order: ImportOrder, so_far: HowFar, portion: FilePortion, *, now: datetime
) -> HowFar:
    """Write a portion of a file, and with it how far the import has come.

    With the last portion the import is finished, and nothing of it is kept but the people.

    Raises:
        ImportedElsewhereError: another process has written this portion.
    """
    give_room(session)
    target = ImportTarget(get_list(session, order.list_slug), order.consent_source, order.keys, now)
    mine = UnfinishedImport.id == so_far.id, UnfinishedImport.rows_done == so_far.rows_done
    if session.scalar(select(UnfinishedImport.id).where(*mine).with_for_update()) is None:
        raise ImportedElsewhereError(order.file_name)
    news = import_batch(session, portion.people, target=target)
    fates = Counter(so_far.fates) + Counter({fate.value: n for fate, n in news.items()})
    after = replace(so_far, rows_done=portion.rows_done, fates=fates)
    if after.rows_done >= after.rows:
        forget_import(session, so_far.id)
    else:
        values = {"rows_done": after.rows_done, "fates": dict(fates), "went_on_at": now}
        session.execute(update(UnfinishedImport).where(mine[0]).values(values))
    return after


def _forget_others(
    session: Session, order: ImportOrder, *, list_id: int, but: int, now: datetime
) -> None:
    is_same = or_(
        UnfinishedImport.file_digest == order.file_digest,
        UnfinishedImport.file_name == order.file_name,
    )
    is_replaced = and_(UnfinishedImport.list_id == list_id, is_same)
    is_old = UnfinishedImport.went_on_at < now - FORGOTTEN_AFTER
    forgotten = or_(is_replaced, is_old), UnfinishedImport.id != but
    session.execute(delete(UnfinishedImport).where(*forgotten))


def _how_far(row: UnfinishedImport) -> HowFar:
    return HowFar(row.id, row.rows, row.rows_done, row.fates, row.skips_bad)


def list_unfinished(session: Session) -> list[UnfinishedFile]:
    """List the imports that broke off or run just now, the oldest first."""
    wanted = (
        select(UnfinishedImport, MailingList.slug)
        .join(MailingList, MailingList.id == UnfinishedImport.list_id)
        .order_by(UnfinishedImport.id)
    )
    return [
        UnfinishedFile(one.file_name, slug, one.rows, one.rows_done, one.begun_at, one.went_on_at)
        for one, slug in session.execute(wanted)
    ]

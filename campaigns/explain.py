"""Answer "why has this person not got it?" in plain sentences, from the rules that send."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from campaigns.broadcasts import all_broadcasts
from campaigns.closing import CLOSING_KEY
from campaigns.delivery_words import OVER, fate_in_words, trouble_in_words
from campaigns.errors import CampaignError, UnknownEmailError
from campaigns.explain_issue import explain_issue, issue_move_in_words
from campaigns.facts import load_person, moves_of, plan_of_person
from campaigns.forecast import life_of
from campaigns.issues import MOVING
from campaigns.models import Broadcast, Enrolment, Series
from campaigns.preview import StepPlace, find_step
from campaigns.queueing import step_key
from campaigns.rules.due_dates import local_day
from campaigns.rules.moves import (
    AwaitDelivery,
    Blocked,
    Finished,
    Move,
    SendStep,
    SeriesPaused,
    SkipStep,
    Stop,
    WaitUntil,
)
from campaigns.rules.series import SeriesPlan, part_of, parts_of
from campaigns.rules.shared_days import Way
from campaigns.rules.standing import EnrolmentStatus, SeriesStatus
from campaigns.rules.time_zones import find_zone, zone_of
from campaigns.sentences import BLOCKS, day_in_words, moment_in_words, reasons_in_words
from campaigns.site import Site
from campaigns.skips import skips_of
from campaigns.store import all_series, enrolments_of, load_labels, load_plans
from delivery.models import Delivery
from delivery.rules.states import State
from delivery.store import deliveries_of_subscriber, find_by_once_key
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.rules.address import parse_address
from subscribers.rules.standing import Pace, Standing
from subscribers.store import find_subscriber, find_suppression, subscriptions_of

_ENDINGS = {
    EnrolmentStatus.FINISHED: "they finished {}",
    EnrolmentStatus.LEFT: "they left {}",
    EnrolmentStatus.PARKED: "they were parked in {}",
    EnrolmentStatus.STOPPED: "{} ended early for them",
}
_FAR = timedelta(days=3660)  # no wait is longer; a series ends long before
_PACES = {Pace.TWO_WEEKS: "two weeks", Pace.MONTH: "four weeks"}


def why(session: Session, address: str, *, site: Site, now: datetime) -> list[str]:
    """Tell everything that decides what an address gets, one sentence each.

    Raises:
        InvalidAddressError: the text is no address at all.
    """
    person = find_subscriber(session, address)
    email = parse_address(address).text
    zone = zone_of(person.time_zone, site.zone) if person else site.zone
    sentences = list(_about_suppression(session, email, zone))
    if person is None:
        return [*sentences, f"nobody with the address {email} is known here"]
    account = _Account(session, person, site=site, now=now)
    return [*sentences, *account.sentences()]


def why_email(session: Session, address: str, name: str, *, site: Site, now: datetime) -> list[str]:
    """Tell in one sentence where a person stands with one email, and what keeps them from mail.

    `name` is a broadcast's, or a step's: `series/key`, `series/3`, or only the key or number
    where there is one series. Of a step and a broadcast of the same name it tells both.

    Raises:
        InvalidAddressError: the text is no address at all.
        UnknownSeriesError, UnknownStepError, SeriesNotNamedError, UnknownEmailError: there is no
            such email.
    """
    place, broadcast = _find_email(session, name)
    person = find_subscriber(session, address)
    if person is None:
        return [f"nobody with the address {parse_address(address).text} is known here"]
    zone = zone_of(person.time_zone, site.zone)
    sentences = list(_about_suppression(session, person.email, zone))
    if place is not None:
        account = _Account(session, person, site=site, now=now)
        sentences.append(account.about_step(place.series.id, place.step.id))
    if broadcast is not None:
        told = explain_issue(session, broadcast, person, site=site, now=now)
        sentences.append(f"broadcast '{broadcast.slug}' {told}")
    return sentences


def _find_email(session: Session, name: str) -> tuple[StepPlace | None, Broadcast | None]:
    """Find the step or broadcast of this name, or both."""
    broadcasts = {one.slug: one for one in all_broadcasts(session)}
    broadcast = broadcasts.get(name)
    try:
        return find_step(session, name), broadcast
    except CampaignError as error:
        if broadcast is not None:
            return None, broadcast
        if broadcasts and "/" not in name:
            raise UnknownEmailError(name, str(error), list(broadcasts)) from error
        raise


def _about_suppression(session: Session, email: str, zone: ZoneInfo) -> Iterator[str]:
    suppression = find_suppression(session, email)
    if suppression is not None:
        day = day_in_words(local_day(suppression.at, zone))
        note = f" ({suppression.note})" if suppression.note else ""
        yield f"{email} is suppressed since {day}: {suppression.reason}{note}; nothing is sent"


class _Account:
    """What can be told about one known person."""

    def __init__(self, session: Session, person: Subscriber, *, site: Site, now: datetime) -> None:
        self._session, self._person, self._site, self._now = session, person, site, now
        self._zone = zone_of(person.time_zone, site.zone)
        self._plans, self._labels = load_plans(session), load_labels(session)
        self._series = {series.id: series for series in all_series(session)}
        self._facts = load_person(session, person.id, site=site, now=now)
        self._deliveries = deliveries_of_subscriber(session, person.id)

    def sentences(self) -> Iterator[str]:
        yield from self._about_lists()
        yield from self._about_wishes()
        yield from self._about_ways()
        yield from self._about_broadcasts()
        yield from self._about_ended_ways()
        yield from self._about_skips()
        yield from self._about_troubles()

    def about_step(self, series_id: int, step_id: int) -> str:
        """Say when one step went, when it comes, or why it does not."""
        begin = self._part(self._plans[series_id], step_id)
        delivery = self._delivery_of(series_id, step_id)
        if delivery is not None and delivery.state in (*OVER, State.UNCERTAIN, State.SENT):
            return f"{begin} {self._fate_of(delivery)}"
        ways = self._facts.ways if self._facts else ()
        way = next((way for way in ways if way.series.id == series_id), None)
        if way is None:
            return f"{begin} does not come: {self._why_on_no_way(series_id)}"
        return self._about_coming(way, step_id, begin)

    def _about_coming(self, way: Way, step_id: int, begin: str) -> str:
        """Say it of a step that is still ahead, or was passed by."""
        assert self._facts is not None  # noqa: S101  (there is a way)
        move = moves_of(self._facts, site=self._site, now=self._now)[way.enrolment_id]
        if getattr(move, "step_id", None) == step_id:
            return self._about_way(way, move)
        if step_id in way.progress.skipped:
            return f"{begin} was left out for them, and does not come"
        places = [step.id for step in way.series.all_steps]
        if not any(step.id == step_id and step.is_published for step in way.series.all_steps):
            return f"{begin} does not come: it is taken out of the series"
        life = life_of(self._facts, site=self._site, now=self._now)
        for sent in life.until(self._now + _FAR):
            if sent.step_id == step_id and sent.series is not None:
                why = "" if sent.why is None else f": {reasons_in_words(sent.why, self._zone)}"
                return f"{begin} comes on {moment_in_words(sent.at, self._zone)}{why}"
        reached = max((places.index(one) for one in way.progress.reached), default=-1)
        if places.index(step_id) <= reached:
            return f"{begin} does not come: a later part has gone already"
        return f"{begin} has no date yet; first: {self._about_way(way, move)}"

    def _why_on_no_way(self, series_id: int) -> str:
        ended = [one for one in self._enrolments() if one.series_id == series_id]
        if not ended:
            return f"they are not in series '{self._labels.series[series_id]}'"
        last = ended[-1]
        if last.status is EnrolmentStatus.ACTIVE:
            return "their way through the series ends with the next tick"
        reason = f": {last.reason}" if last.reason else ""
        begin = _ENDINGS[last.status].format("the series")
        return f"{begin} {self._on(last.ended_at)}{reason}"

    def _delivery_of(self, series_id: int, step_id: int) -> Delivery | None:
        """Find what became of a step in the newest round; what was taken back is no answer."""
        ways = [one.id for one in self._enrolments() if one.series_id == series_id]
        found = find_by_once_key(self._session, step_key(ways[-1], step_id)) if ways else None
        return None if found is None or found.state is State.CANCELLED else found

    def _about_lists(self) -> Iterator[str]:
        found = subscriptions_of(self._session, self._person.id)
        if not found:
            yield f"{self._person.email} is on no list"
        for subscription, mailing_list in found:
            yield self._about_list(subscription, mailing_list.slug)
            if subscription.standing is Standing.CONFIRMED:
                yield from self._about_series_closed_to_them(mailing_list)

    def _about_list(self, subscription: Subscription, slug: str) -> str:
        who = self._person.email
        match subscription.standing:
            case Standing.CONFIRMED:
                return f"{who} confirmed list '{slug}' {self._on(subscription.confirmed_at)}"
            case Standing.UNSUBSCRIBED:
                return f"{who} left list '{slug}' {self._on(subscription.unsubscribed_at)}"
            case _:
                asked = self._on(subscription.requested_at)
                return f"{who} asked for list '{slug}' {asked} and has not confirmed yet"

    def _about_series_closed_to_them(self, mailing_list: MailingList) -> Iterator[str]:
        own = [one for one in self._series.values() if one.list_id == mailing_list.id]
        if not own:
            yield f"no series is sent to list '{mailing_list.slug}'"
        known = {enrolment.series_id for enrolment in self._enrolments()}
        for series in own:
            if series.status is SeriesStatus.PAUSED and series.id not in known:
                yield f"series '{series.slug}' is paused and takes nobody in{_because(series)}"

    def _about_wishes(self) -> Iterator[str]:
        person = self._person
        if person.time_zone and find_zone(person.time_zone) is None:
            yield (
                f"their time zone '{person.time_zone}' is not known; "
                f"the clinic's, {self._zone.key}, is used"
            )
        if person.paused_until and person.paused_until > local_day(self._now, self._zone):
            yield f"they paused until {day_in_words(person.paused_until)}"
        if person.pace in _PACES:
            yield f"they asked for one email in {_PACES[person.pace]}, where a series goes faster"

    def _about_ways(self) -> Iterator[str]:
        if self._facts is None:
            return
        moves = moves_of(self._facts, site=self._site, now=self._now)
        for way in self._facts.ways:
            yield self._about_way(way, moves[way.enrolment_id])

    def _about_way(self, way: Way, move: Move) -> str:
        series = self._series[way.series.id]
        match move:
            case Finished():
                return f"series '{series.slug}': every part has been sent"
            case Blocked(block):
                return f"series '{series.slug}': {BLOCKS[block]}"
            case SeriesPaused(step_id):
                return f"{self._part(way.series, step_id)} waits: the series is paused" + _because(
                    series
                )
            case SkipStep(step_id, because):
                return f"{self._part(way.series, step_id)} is left out: {because}"
            case Stop(because):
                return f"their way through series '{series.slug}' ends now: {because}"
            case AwaitDelivery(step_id):
                return self._about_flight(way, step_id)
            case SendStep(step_id, _, reason):
                why = reasons_in_words(reason, self._zone)
                return f"{self._part(way.series, step_id)} goes with the next tick: {why}"
            case WaitUntil(step_id, at, reason):
                until, why = moment_in_words(at, self._zone), reasons_in_words(reason, self._zone)
                return f"{self._part(way.series, step_id)} waits until {until}: {why}"

    def _about_flight(self, way: Way, step_id: int) -> str:
        begin = self._part(way.series, step_id)
        found = [one for one in self._deliveries if one.enrolment_id == way.enrolment_id]
        delivery = next((one for one in found if one.step_id == step_id), None)
        return f"{begin} {self._fate_of(delivery) if delivery else 'is being sent'}"

    def _fate_of(self, delivery: Delivery) -> str:
        site, now = self._site, self._now
        return fate_in_words(self._session, delivery, self._zone, site=site, now=now)

    def _about_broadcasts(self) -> Iterator[str]:
        """Tell of what is still to be queued for them, and of what is on its way."""
        if self._facts is not None:
            moves = plan_of_person(self._facts, site=self._site, now=self._now).issues
            for issue in self._facts.issues:
                move = issue_move_in_words(moves.get(issue.id), self._zone, now=self._now)
                yield f"broadcast '{self._labels.broadcasts[issue.id]}' {move}"
        for delivery in self._deliveries:
            if delivery.broadcast_id is not None and delivery.state in MOVING:
                yield f"{self._what(delivery)} {self._fate_of(delivery)}"

    def _about_ended_ways(self) -> Iterator[str]:
        on_a_way = {way.enrolment_id for way in self._facts.ways} if self._facts else set()
        for enrolment in self._enrolments():
            if enrolment.id in on_a_way:
                continue
            slug = self._labels.series[enrolment.series_id]
            if enrolment.status is EnrolmentStatus.ACTIVE:
                yield f"their way through series '{slug}' ends with the next tick"
            else:
                reason = f": {enrolment.reason}" if enrolment.reason else ""
                ended = self._on(enrolment.ended_at)
                begin = _ENDINGS[enrolment.status].format(f"series '{slug}'")
                yield f"{begin} {ended}{reason}"

    def _about_skips(self) -> Iterator[str]:
        ways = {one.id: one.series_id for one in self._enrolments()}
        for skip in skips_of(self._session, list(ways)):
            part = self._part(self._plans[ways[skip.enrolment_id]], skip.step_id)
            yield f"{part} was left out {self._on(skip.at)}: {skip.reason}"

    def _about_troubles(self) -> Iterator[str]:
        """Tell what went wrong; of what is held, the steps were told with their ways."""
        for delivery in self._deliveries:
            if delivery.state is State.HELD and delivery.step_id is None:
                yield f"{self._what(delivery)} {self._fate_of(delivery)}"
            elif trouble := trouble_in_words(delivery, self._zone):
                yield f"{self._what(delivery)} {trouble}"

    def _what(self, delivery: Delivery) -> str:
        if delivery.broadcast_id is not None:
            return f"broadcast '{self._labels.broadcasts.get(delivery.broadcast_id, '')}'"
        if delivery.step_id is None or delivery.enrolment_id is None:
            return f"the {delivery.kind} mail"
        series_id = {one.id: one.series_id for one in self._enrolments()}[delivery.enrolment_id]
        return self._part(self._plans[series_id], delivery.step_id)

    def _part(self, series: SeriesPlan, step_id: int) -> str:
        part, key = part_of(series, step_id), self._labels.steps[step_id]
        place = f"part {part} of {len(parts_of(series))}" if part else "part"
        if key == CLOSING_KEY:
            place = "the completion email"
        return f"series '{self._labels.series[series.id]}', {place} ({key})"

    def _enrolments(self) -> list[Enrolment]:
        return enrolments_of(self._session, self._person.id)

    def _on(self, moment: datetime | None) -> str:
        return f"on {day_in_words(local_day(moment, self._zone))}" if moment else "at some time"


def _because(series: Series) -> str:
    return f": {series.reason}" if series.reason else ""

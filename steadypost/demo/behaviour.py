"""What the invented clients do, over HTTP and from what lies in their mailbox, as people would."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from steadypost.demo.clock import VirtualClock
from steadypost.demo.errors import DemoPageError
from steadypost.demo.mailbox import Mailbox, ReceivedMail
from steadypost.demo.people import Client, Habit

_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_TIME_TO_FILL_IN = timedelta(seconds=40)


class ClientLife:
    """One client from signing up to the last email: acts when there is something to act on."""

    def __init__(self, client: Client, *, signup_url: str, mailbox: Mailbox, clock: VirtualClock):
        self.client = client
        self._signup_url = signup_url
        self._mailbox = mailbox
        self._clock = clock
        self._done: set[str] = set()
        self._seen = 0

    @property
    def mails(self) -> list[ReceivedMail]:
        """List what this client has received."""
        return self._mailbox.of(self.client.email)

    @property
    def has_unread_mail(self) -> bool:
        """Tell whether something has arrived since this client last acted."""
        return len(self.mails) > self._seen

    def act(self) -> None:
        """Do what this client would do now, once."""
        self._once("signed up", self._sign_up)
        if not self.has_unread_mail:
            return
        mails = self.mails
        self._seen = len(mails)
        if self.client.habit is not Habit.NEVER_CONFIRMS:
            self._once("confirmed", self._confirm)
        self._follow_habit(max((mail.part or 0 for mail in mails), default=0))

    def _once(self, deed: str, act: Callable[[], None]) -> None:
        if deed not in self._done:
            act()
            self._done.add(deed)

    def _sign_up(self) -> None:
        visit = PageVisit(self._clock)
        visit.open(self._signup_url)
        wish = {"first_name": self.client.first_name, "email": self.client.email, "consent": "yes"}
        wish |= {"time_zone": self.client.zone}
        wish |= {"weekday": "" if self.client.weekday is None else str(self.client.weekday)}
        wish |= {"hour": "" if self.client.hour is None else str(self.client.hour)}
        visit.submit(self._signup_url, wish)

    def _confirm(self) -> None:
        link = self.mails[0].link("/confirm/")
        visit = PageVisit(self._clock)
        visit.open(link)
        visit.submit(link, {})

    def _follow_habit(self, part: int) -> None:
        if self.client.habit is Habit.LEAVES and part == 3:
            self._once("left", self._unsubscribe_with_one_click)
        if self.client.habit is Habit.SLOWS_DOWN and part == 2:
            self._once("slowed down", lambda: self._prefer(change="pace", pace="two weeks"))
        if self.client.habit is Habit.PAUSES and part == 2:
            self._once("paused", lambda: self._prefer(change="pause", pause="2"))

    def _unsubscribe_with_one_click(self) -> None:
        """Do what a mail program does for its unsubscribe button (RFC 8058, section 3.2)."""
        header = str(self.mails[-1].message["List-Unsubscribe"])
        url = header.partition(">")[0].lstrip("<")
        PageVisit(self._clock).submit(url, {"List-Unsubscribe": "One-Click"})

    def _prefer(self, **wish: str) -> None:
        link = self.mails[-1].link("/p/")
        visit = PageVisit(self._clock)
        visit.open(link)
        visit.submit(link, wish)


class PageVisit:
    """A browser without a window: keeps cookies and the hidden fields of the last page."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self._hidden: dict[str, str] = {}

    def open(self, url: str) -> str:
        """Look at a page."""
        return self._fetch(url, None)

    def submit(self, url: str, fields: dict[str, str]) -> str:
        """Fill in the form, taking the time a person takes, and send it."""
        self._clock.move_to(self._clock() + _TIME_TO_FILL_IN)
        return self._fetch(url, urlencode(self._hidden | fields).encode())

    def _fetch(self, url: str, body: bytes | None) -> str:
        try:
            with self._opener.open(url, body, timeout=30) as answer:
                page: str = answer.read().decode()
        except HTTPError as error:
            raise DemoPageError(url, error.code, error.read().decode(errors="replace")) from error
        self._hidden = _hidden_fields(page)
        return page


def _hidden_fields(page: str) -> dict[str, str]:
    tags = [dict(_ATTRIBUTE.findall(tag)) for tag in _HIDDEN.findall(page)]
    return {tag["name"]: html.unescape(tag.get("value", "")) for tag in tags if "name" in tag}

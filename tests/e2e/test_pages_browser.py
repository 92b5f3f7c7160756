"""The pages in a real browser: accessible, light and dark, small and large, by keyboard alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from campaigns.site import Site
from storage.database import Database
from subscribers.rules.standing import Standing
from tests.sending_stage import Clock
from tests.web_stage import WebStage, serving

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() and shutil.which("chromium") is None,
        reason="no Chromium: the pages were NOT looked at in a browser",
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start one Chromium for all tests of this file."""
    with sync_playwright() as playwright:
        chromium = CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium")
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@dataclass
class Window:
    """One browser window, which notes every request and every complaint."""

    context: BrowserContext
    page: Page
    address: str
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def strangers(self) -> list[str]:
        """List requests to anybody but us."""
        return [url for url in self.requested if not url.startswith(self.address)]


@pytest.fixture
def stage(sqlite_database: Database, site: Site, now: datetime) -> WebStage:
    """Let Ada have had two of six."""
    stage = WebStage(sqlite_database, site, Clock(now))
    stage.join()
    stage.run_until(datetime.fromisoformat("2026-03-11T10:00:00Z"))
    return stage


@pytest.fixture
def address(stage: WebStage) -> Iterator[str]:
    with serving(stage) as address:
        yield address


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Window]:
    """Open a window; at the end nobody but us was asked for anything, and nothing complained."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, timezone_id="America/New_York"
    )
    opened = Window(context, context.new_page(), address)
    yield opened
    context.close()
    assert opened.strangers() == []
    assert opened.complaints == []


def all_paths(stage: WebStage) -> dict[str, str]:
    """Name every page a person can meet."""
    stage.import_shipped_series()
    ben = "ben@example.org"
    with stage.visitor() as visitor:
        visitor.sign_up(email=ben)
    stage.join("cleo@example.org")
    with stage.visitor() as visitor:
        visitor.post(stage.leave_path("cleo@example.org"), {"by": "page"})
    return {
        "lists": "/signup",
        "sign-up": "/signup/weekly",
        "inbox": "/signup/weekly/inbox",
        "privacy": "/privacy",
        "confirm": stage.confirm_path(ben),
        "confirmed": stage.confirm_path(),
        "preferences": stage.choose_path(),
        "preferences, day": f"{stage.choose_path()}?done=when#when",
        "preferences, pause": f"{stage.choose_path()}#pause",
        "preferences, pace": f"{stage.choose_path()}#pace",
        "unsubscribe": stage.leave_path(),
        "unsubscribed": stage.leave_path("cleo@example.org"),
        "thanks": f"{stage.leave_path('cleo@example.org')}?thanks=1",
        "left": stage.choose_path("cleo@example.org"),
        "not found": "/nowhere",
    }


def faults_of(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    stage: WebStage, window: Window, scheme: str, width: int
) -> None:
    window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    window.page.set_viewport_size({"width": width, "height": 800})

    for name, path in all_paths(stage).items():
        page = window.open(path)
        assert faults_of(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("document.documentElement.lang") == "en", name


def test_axe_finds_nothing_on_forms_with_errors(stage: WebStage, window: Window) -> None:
    page = window.open("/signup/weekly")
    stage.clock.move(seconds=5)
    page.click("text=Sign me up")
    assert faults_of(page) == []
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"

    page = window.open(f"{stage.choose_path()}#pause")
    page.check("text=Until a date")
    page.click("#pause button")
    assert page.is_visible("#pause")
    assert faults_of(page) == []
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"


def test_targets_are_large_enough_to_touch(stage: WebStage, window: Window) -> None:
    window.page.set_viewport_size({"width": 320, "height": 800})
    small = """() => [...document.querySelectorAll(
        'a, button, input:not([type=hidden]), select, summary, textarea')]
      .filter(each => each.offsetParent && !each.closest('.trap, .skip'))
      .map(each => each.type === 'radio' || each.type === 'checkbox' ? each.closest('label') : each)
      .filter(each => !(each.matches('p > a') && each.closest('p').textContent.trim() !==
                        each.textContent.trim()))  // a link within a sentence
      .filter(each => each.getBoundingClientRect().height < 44)
      .map(each => each.outerHTML.slice(0, 120))"""

    for name, path in all_paths(stage).items():
        assert window.open(path).evaluate(small) == [], name


def test_the_time_zone_is_detected_and_said_in_words(stage: WebStage, window: Window) -> None:
    page = window.open("/signup/weekly")

    assert page.input_value("#time_zone") == "America/New_York"
    assert "Times are those in New York, where it is" in page.inner_text("form")
    page.click("text=Choose another time zone")
    page.select_option("#time_zone", "Asia/Tokyo")
    assert "Times are those in Tokyo, where it is" in page.inner_text("form")


def test_a_zone_by_an_old_name_is_added_to_the_list(
    stage: WebStage, browser: Browser, address: str
) -> None:
    context = browser.new_context(timezone_id="Asia/Calcutta")
    window = Window(context, context.new_page(), address)
    page = window.open("/signup/weekly")

    assert page.input_value("#time_zone") in ("Asia/Calcutta", "Asia/Kolkata")
    assert window.complaints == []
    context.close()


def test_a_chosen_zone_is_not_overwritten(stage: WebStage, window: Window) -> None:
    assert window.open(stage.choose_path()).input_value("#time_zone") == "Europe/Berlin"


@pytest.mark.parametrize("with_script", [True, False], ids=["script", "no script"])
def test_the_whole_way_from_signing_up_to_undo(
    stage: WebStage, browser: Browser, address: str, with_script: bool
) -> None:
    context = browser.new_context(java_script_enabled=with_script, timezone_id="Europe/Lisbon")
    window = Window(context, context.new_page(), address)
    page = window.open("/signup/weekly")
    page.get_by_label("First name").fill("Maya")
    page.get_by_label("Email address").fill("maya@example.org")
    page.get_by_label("Day").select_option("Thursday")
    page.get_by_label("Time", exact=True).select_option("18:00")
    page.get_by_label("Yes, please send me").check()
    stage.clock.move(seconds=20)
    page.get_by_role("button", name="Sign me up").click()
    assert page.inner_text("h1") == "Please check your inbox"
    zone = "Europe/Lisbon" if with_script else "Europe/Berlin"
    assert stage.person("maya@example.org").time_zone == zone

    page = window.open(stage.confirm_path("maya@example.org"))
    page.get_by_role("button", name="Yes, send me the emails").click()
    assert page.inner_text("h1") == "You are in"
    stage.tick()
    page.get_by_role("link", name="Change day, pause or leave").click()
    assert "Part 2 of 6 comes on Thursday 19 March, 18:00." in page.inner_text("main")

    page.get_by_role("link", name="Slow down").click()
    page.get_by_label("Once a month").check()
    page.get_by_role("button", name="Save", exact=True).click()
    assert "They now come once a month. Part 2 of 6 comes on Thursday 9 April, 18:00." in (
        page.inner_text("[role=status]")
    )
    page.get_by_role("link", name="Pause").click()
    page.get_by_label("4 weeks").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    assert "Paused until Wednesday 8 April." in page.inner_text("[role=status]")
    page.get_by_role("link", name="Pause or go on").click()
    page.get_by_role("button", name="Go on now").click()
    assert "Welcome back." in page.inner_text("[role=status]")

    page.get_by_role("button", name="Unsubscribe").click()
    assert page.inner_text("h1") == "You are unsubscribed"
    assert stage.subscription("maya@example.org").standing is Standing.UNSUBSCRIBED
    page.get_by_label("Too many emails").check()
    page.get_by_role("button", name="Send", exact=True).click()
    assert "Thank you for telling us." in page.inner_text("main")
    page.get_by_role("button", name="Undo: keep sending them").click()
    assert "Good to have you back." in page.inner_text("[role=status]")
    assert stage.subscription("maya@example.org").standing is Standing.CONFIRMED
    assert window.strangers() == []
    assert window.complaints == []
    context.close()


def test_the_form_can_be_filled_in_by_keyboard_alone(stage: WebStage, window: Window) -> None:
    page = window.open("/signup/weekly")
    order = []
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const e = document.activeElement; return e.id || e.className || e.tagName; }"
        )
        order.append(focused)
        if focused == "button whole":
            break
        if focused == "email":
            page.keyboard.type("kim@example.org")
        if focused == "consent":
            page.keyboard.press("Space")

    assert order[0] == "skip"
    fields = [each for each in order if each in ("first_name", "email", "weekday", "hour")]
    assert fields == ["first_name", "email", "weekday", "hour"]
    assert "topic" not in order
    stage.clock.move(seconds=5)
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox")
    assert stage.subscription("kim@example.org").standing is Standing.UNCONFIRMED


def test_the_skip_link_leads_to_the_content(stage: WebStage, window: Window) -> None:
    page = window.open("/signup/weekly")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_loading_token_pages_with_scripts_on_changes_nothing(
    stage: WebStage, window: Window
) -> None:
    paths = all_paths(stage)
    before = stage.rows()
    for name in ("confirm", "unsubscribe", "preferences", "unsubscribed"):
        window.open(paths[name])
        window.page.wait_for_load_state("networkidle")

    assert stage.rows() == before


def test_a_letter_shows_and_runs_nothing(stage: WebStage, window: Window) -> None:
    page = window.open(stage.choose_path())
    page.get_by_role("link", name="welcome step-2").click()

    assert "Hello Ada" in page.inner_text("h1")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgba(0, 0, 0, 0)"


def test_the_sample_is_seen_beside_the_form(stage: WebStage, window: Window) -> None:
    stage.import_shipped_series()
    page = window.open("/signup/letters")
    page.wait_for_load_state("networkidle")
    frame = page.frame_locator("iframe")

    assert "Deep is a place, not a force" in frame.locator("h1").inner_text()


def test_text_may_be_twice_as_large(stage: WebStage, window: Window) -> None:
    for path in ("/signup/weekly", stage.choose_path()):
        page = window.open(path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280

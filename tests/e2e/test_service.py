"""The service against a receiving server nobody here wrote: Postfix's `smtp-sink`."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from steadypost.demo.mailbox import free_port
from tests.service_stage import (
    PEOPLE,
    SINK,
    Place,
    Received,
    Service,
    Sink,
    import_people,
    wait_until,
)

pytestmark = pytest.mark.skipif(
    not SINK.exists(),
    reason=f"NO {SINK}: the service was NOT tested against a foreign server; run .ci/prepare",
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    sink, port = Sink(tmp_path / "sink"), free_port()
    (tmp_path / "site").mkdir()
    found = Place(tmp_path / "site", sink, f"http://127.0.0.1:{port}")
    found.init()
    yield found
    sink.end()


@pytest.fixture
def serve(place: Place) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(*options: str) -> Service:
        started.append(place.serve(*options))
        return started[-1]

    yield start
    for service in started:
        service.clean_up()


def sign_up(pages: str, email: str) -> None:
    with httpx.Client(base_url=pages, headers={"sec-fetch-site": "same-origin"}) as browser:
        form = browser.get("/signup/weekly").text
        seal = re.search(r'name="seal" value="([^"]+)"', form)
        assert seal is not None
        time.sleep(2.1)  # a form that is sent back at once is a robot's
        wish = {"email": email, "first_name": "Ada", "consent": "yes", "seal": seal[1]}
        wish |= {"weekday": "2", "hour": "10", "time_zone": "Europe/Berlin"}
        assert browser.post("/signup/weekly", data=wish, follow_redirects=True).status_code == 200


def confirm(mail: Received) -> None:
    link = re.search(r"https?://\S+/confirm/\S+", mail.text)
    assert link is not None
    assert httpx.get(link[0]).status_code == 200  # looking confirms nothing
    origin = {"sec-fetch-site": "same-origin"}
    answer = httpx.post(link[0], headers=origin, follow_redirects=True)
    assert answer.status_code == 200


def test_a_sign_up_gets_its_confirmation_and_its_first_email(
    place: Place, serve: Callable[[], Service]
) -> None:
    service = serve()
    service.wait_for_pages(place.pages)

    sign_up(place.pages, "ada@example.org")
    asking = place.sink.wait_for("ada@example.org", containing="/confirm/")
    confirm(asking)
    first = place.sink.wait_for("ada@example.org", containing="Part 1 of 6")

    assert asking.message["List-Unsubscribe-Post"] is None
    assert first.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/u/" in first.message["List-Unsubscribe"]
    assert first.message["Message-ID"] != asking.message["Message-ID"]
    assert first.envelope_sender.startswith("bounces+")
    wait_until(lambda: place.count("sent") == 2)
    assert service.end(signal.SIGTERM) == 0, service.log.read_text()
    assert "stopped" in service.log.read_text()
    assert [worker["alive"] for worker in place.status()["workers"]] == [False]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_stopped_while_sending_leaves_nothing_in_doubt(
    place: Place, serve: Callable[[], Service], number: signal.Signals
) -> None:
    import_people(place)
    service = serve()
    wait_until(lambda: place.count("sent") > 10)

    code = service.end(number)

    assert code == 0, service.log.read_text()
    sent = place.count("sent")
    assert place.count("claimed", "sending", "uncertain") == 0
    assert len(place.sink.mails()) == sent < PEOPLE


def test_a_service_that_is_killed_while_sending_sends_nothing_twice_and_loses_nothing(
    place: Place, serve: Callable[[], Service]
) -> None:
    everybody = import_people(place)
    killed = serve()
    wait_until(lambda: len(list(place.sink.folder.glob("mail.*"))) > 30)
    killed.end(signal.SIGKILL)
    at_the_kill = len(place.sink.mails())

    again = serve()
    wait_until(lambda: place.count("sent", "uncertain") == PEOPLE)
    assert again.end(signal.SIGTERM) == 0, again.log.read_text()

    arrived = [mail.recipient for mail in place.sink.mails()]
    uncertain = {row["email"] for row in place.status()["uncertain"]}
    assert at_the_kill < PEOPLE, "it was killed too late to show anything"
    assert len(arrived) == len(set(arrived)), "somebody got it twice"
    assert everybody - set(arrived) <= uncertain, "somebody was lost and is not listed"
    assert len(uncertain) <= 4  # one for each connection, at most


def test_several_processes_share_the_work_and_stop_together(
    place: Place, serve: Callable[..., Service]
) -> None:
    everybody = import_people(place)

    service = serve("--scheduler-only", "--workers", "3")
    wait_until(lambda: len(place.status()["workers"]) == 3 and place.count("sent") == PEOPLE)
    code = service.end(signal.SIGTERM)

    assert code == 0, service.log.read_text()
    arrived = [mail.recipient for mail in place.sink.mails()]
    assert sorted(arrived) == sorted(everybody), "somebody got it twice, or not at all"
    workers = place.status()["workers"]
    assert [worker["alive"] for worker in workers] == [False] * 3


def test_processes_end_with_the_one_that_started_them_and_nobody_gets_it_twice(
    place: Place, serve: Callable[..., Service]
) -> None:
    everybody = import_people(place)
    killed = serve("--scheduler-only", "--workers", "2")
    wait_until(lambda: len(list(place.sink.folder.glob("mail.*"))) > 30)

    killed.end(signal.SIGKILL)

    further = max(worker["process_id"] for worker in place.status()["workers"])
    wait_until(lambda: not Path(f"/proc/{further}").exists())
    again = serve("--scheduler-only")
    wait_until(lambda: place.count("sent", "uncertain") == PEOPLE)
    assert again.end(signal.SIGTERM) == 0, again.log.read_text()
    arrived = [mail.recipient for mail in place.sink.mails()]
    uncertain = {row["email"] for row in place.status()["uncertain"]}
    assert len(arrived) == len(set(arrived)), "somebody got it twice"
    assert everybody - set(arrived) <= uncertain, "somebody was lost and is not listed"


def test_two_services_started_by_mistake_on_one_sqlite_are_harmless(
    place: Place, serve: Callable[..., Service]
) -> None:
    everybody = import_people(place)

    both = [serve("--scheduler-only"), serve("--scheduler-only")]
    wait_until(lambda: place.count("sent") == PEOPLE)

    assert [service.end(signal.SIGTERM) for service in both] == [0, 0]
    arrived = [mail.recipient for mail in place.sink.mails()]
    assert sorted(arrived) == sorted(everybody), "somebody got it twice, or not at all"

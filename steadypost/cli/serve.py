"""`steadypost serve` and `steadypost tick`: the service, and one round of it."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from datetime import datetime

import click

from steadypost.cli.call import Call, as_json, for_a_site
from steadypost.cli.output import show_json, show_table
from steadypost.errors import ClockOverrideError, ExitCode, TickFailedError


@click.command()
@click.option("--web-only", is_flag=True, help="Only the pages; another process sends.")
@click.option("--scheduler-only", is_flag=True, help="Only the scheduler; no pages.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="How many processes send; instead of `[scheduler] workers`.",
)
@for_a_site
def serve(call: Call, web_only: bool, scheduler_only: bool, workers: int | None) -> None:
    """Run the service: the pages, and the clock that sends."""
    if web_only and scheduler_only:
        raise click.UsageError("--web-only and --scheduler-only leave nothing to do; give one")
    from steadypost.crew import share_of
    from steadypost.serving import serve as serve_until_stopped
    from steadypost.wiring import opened_parts

    _log_to_stderr(is_debug=call.debug)
    count = workers or call.settings.scheduler.workers
    with opened_parts(share_of(call.settings, 1, count)) as parts:
        serve_until_stopped(
            parts,
            call.settings,
            with_web=not scheduler_only,
            with_scheduler=not web_only,
            workers=count,
        )


@click.command(hidden=True)
@click.option("--number", type=click.IntRange(1), required=True)
@click.option("--of", "processes", type=click.IntRange(1), required=True)
@for_a_site
def send_along(call: Call, number: int, processes: int) -> None:
    """Send what a service plans, until standard input ends; `serve --workers` starts this."""
    from steadypost.crew import share_of
    from steadypost.serving import send_along as send_until_stopped
    from steadypost.wiring import opened_parts

    _log_to_stderr(is_debug=call.debug)
    with opened_parts(share_of(call.settings, number, processes)) as parts:
        send_until_stopped(parts, call.settings)


@click.command()
@click.option("--at", "moment", help="Pretend it is this time (only where settings allow it).")
@as_json
@for_a_site
def tick(call: Call, moment: str | None, is_json: bool) -> None:
    """Do once what is due now: enrol, queue, send. `serve` does so all the time."""
    if moment is not None and not call.settings.clock.allow_override:
        raise ClockOverrideError
    from scheduler import employed, run_tick

    with call.parts() as parts:
        if moment is not None:
            at = _read_moment(moment, call)
            parts = replace(parts, clock=lambda: at, uptime=None)
        with employed(parts) as worker:
            report = run_tick(parts, worker, now=parts.clock())
    if is_json:
        show_json(report.as_dict())
    else:
        rows = [(step.name, step.done or "", step.failure) for step in report.steps]
        show_table(("step", "done", "failure"), rows, title=f"tick at {report.at:%F %T} UTC")
    if report.failures:
        raise TickFailedError(report.failures, exit_code=_exit_code(report.failures))


def _exit_code(failures: dict[str, str]) -> ExitCode:
    from delivery.ticks import REACH_RELAY
    from storage.advice import NO_ANSWER

    if REACH_RELAY in failures:
        return ExitCode.RELAY
    is_database = any(why.startswith(NO_ANSWER) for why in failures.values())
    return ExitCode.DATABASE if is_database else ExitCode.FAILED


def _read_moment(text: str, call: Call) -> datetime:
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        example = "2026-03-02T09:00"
        raise click.BadParameter(f"'{text}' is no time; use one like {example}") from None
    zone = ZoneInfo(call.settings.clinic.time_zone)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _log_to_stderr(*, is_debug: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if is_debug else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for chatty in ("uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a tick is long is no news

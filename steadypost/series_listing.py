"""Describe series for the command line."""

from __future__ import annotations

from typing import Any

from campaigns.closing import has_closing
from campaigns.rules.standing import EnrolmentStatus
from campaigns.store import all_series, count_enrolments, find_series, steps_of
from storage.database import Session
from subscribers.mailing_lists import all_lists


def list_series(session: Session) -> list[dict[str, Any]]:
    """Describe every series in one line."""
    counts, lists = count_enrolments(session), {each.id: each.slug for each in all_lists(session)}
    return [
        {
            "series": series.slug,
            "title": series.title,
            "list": lists[series.list_id],
            "status": series.status.value,
            "steps": sum(step.published for step in steps_of(session, series.id)),
            **{
                status.value: counts.get(series.id, {}).get(status, 0) for status in EnrolmentStatus
            },
        }
        for series in all_series(session)
    ]


def describe_series(session: Session, slug: str) -> dict[str, Any]:
    """Describe one series with its steps.

    Raises:
        UnknownSeriesError: there is none of this name.
    """
    series = find_series(session, slug)
    (line,) = [one for one in list_series(session) if one["series"] == slug]
    return {
        **line,
        "description": series.description,
        "theme": series.theme,
        "send_hour": series.send_hour,
        "first_step": series.first_step.value,
        "priority": series.priority,
        "exit_when": series.exit_rule,
        "reason": series.reason,
        "completion_email": has_closing(session, series.id),
        "steps": [
            {
                "place": place,
                "step": step.key,
                "file": step.file,
                "wait_days": step.wait_days,
                "condition": step.condition,
                "published": step.published,
            }
            for place, step in enumerate(steps_of(session, series.id), start=1)
        ],
    }

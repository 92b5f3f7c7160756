"""What did one tick come to? Kept with its worker, so that `status` can tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from delivery.models import Worker
from delivery.outbox import WorkerIdentity
from delivery.rows import workers
from delivery.sender import RelayDown
from storage.advice import describe_failure

SEND = "send"
REACH_RELAY = "reach the relay"  # what sending is called when the relay was not there


@dataclass(frozen=True)
class StepReport:
    """What one step of a tick came to; its name completes "could not …"."""

    name: str
    done: int
    failure: str = ""
    is_full: bool = False  # it did as much as it may at once: there is more

    @classmethod
    def of_sending(cls, sent: int, relay_down: RelayDown | None, *, is_full: bool = False) -> Self:
        """Report how many mails went out, and what the relay said should it not be there.

        It is full when others may be due behind those that were put back.
        """
        if relay_down:
            return cls(REACH_RELAY, sent, relay_down.reply)
        return cls(SEND, sent, is_full=is_full)

    @classmethod
    def failed(cls, name: str, error: Exception) -> Self:
        """Report a failure in one line."""
        text = describe_failure(error) or str(error).partition("\n")[0]
        return cls(name, 0, text or type(error).__name__)


@dataclass(frozen=True)
class TickReport:
    """What one tick came to."""

    at: datetime
    steps: tuple[StepReport, ...]

    @property
    def failures(self) -> dict[str, str]:
        """Name the steps that failed, with the reason."""
        return {step.name: step.failure for step in self.steps if step.failure}

    @property
    def sent(self) -> int:
        """Count the mails that went out; if any did, there may be more."""
        return sum(step.done for step in self.steps if step.name in (SEND, REACH_RELAY))

    @property
    def is_full(self) -> bool:
        """Tell whether a step has more to do at once."""
        return any(step.is_full for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain data."""
        return {"at": self.at.isoformat(), "steps": [asdict(step) for step in self.steps]}


def keep_report(session: Session, worker: WorkerIdentity, report: TickReport) -> None:
    """Write down the report of a worker's tick over that of the one before."""
    session.execute(_KEEP, {"worker_id": worker.id, "report": report.as_dict()})


_KEEP = (
    update(workers)
    .where(workers.c.id == bindparam("worker_id"))
    .values(last_tick=bindparam("report", type_=workers.c.last_tick.type))
)


def list_workers(session: Session, *, limit: int = 20) -> list[Worker]:
    """List the workers of late, those with the newest sign of life first."""
    order = (Worker.heartbeat_at.desc(), Worker.id.desc())
    return list(session.scalars(select(Worker).order_by(*order).limit(limit)))

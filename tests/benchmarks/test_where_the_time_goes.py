"""Where do a message's microseconds go? CPU time of each part of the real path, by thread.

python -m pytest tests/benchmarks/test_where_the_time_goes.py --timeout=0 -p no:randomly -s
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from campaigns import dispatch, drafting
from delivery.dkim import new_rsa_key
from delivery.smtp import SmtpSender
from scheduler import employed, run_tick
from steadypost.memory import settle_memory
from storage.signing import new_public_id
from templates.compiler.renderer import CompiledRenderer
from tests.benchmarks.posting_rig import NOW, SINK, WARM, Clinic, found, opened, plan, smtp_sink

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "5000"))
PARTS: tuple[tuple[Any, str, str], ...] = (
    (dispatch.outbox, "claim_batch", "claim"),
    (dispatch, "read_facts", "facts"),
    (drafting.Desk, "write", "write"),
    (CompiledRenderer, "render_encoded", "write: render"),
    (drafting, "compose_signed", "write: compose and sign"),
    (dispatch._Round, "_record_and_mark", "record and mark"),
    (dispatch, "mark_group", "record and mark: mark"),
    (dispatch, "record_answers", "record and mark: record"),
    (SmtpSender, "_work", "SMTP and journal"),
)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(SINK is None, reason="Postfix's smtp-sink is missing")
@pytest.mark.parametrize("signed_by", ["nobody", "RSA-2048"])
def test_where_the_time_goes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    signed_by: str,
) -> None:
    spent: Counter[str] = Counter()
    for owner, name, label in PARTS:
        monkeypatch.setattr(owner, name, _timed(getattr(owner, name), spent, label))
    with smtp_sink() as port:
        pem = new_rsa_key() if signed_by == "RSA-2048" else ""
        url = f"sqlite:///{tmp_path}/{new_public_id()}.db"
        clinic = Clinic(url, tmp_path, port, pem)
        found(clinic, people=PEOPLE)
        plan(clinic, people=PEOPLE)
        total = _send(clinic, spent)

    rows = [f"{label}: {seconds / (PEOPLE - WARM) * 1e6:,.0f}" for label, seconds in spent.items()]
    with capsys.disabled():
        print(  # noqa: T201
            f"\nsigned by {signed_by}, load {os.getloadavg()[0]:.1f}, µs of CPU a message: "
            f"{total / (PEOPLE - WARM) * 1e6:,.0f}; {'; '.join(rows)}"
        )


def _timed(part: Any, spent: Counter[str], label: str) -> Any:
    def measured(*args: Any, **values: Any) -> Any:
        began = time.thread_time()
        try:
            return part(*args, **values)
        finally:
            spent[label] += time.thread_time() - began  # type: ignore[assignment]

    return measured


def _send(clinic: Clinic, spent: Counter[str]) -> float:
    settle_memory()
    with opened(clinic) as parts, employed(parts) as worker:
        run_tick(parts, worker, now=NOW, only_sends=True, portion=WARM)
        spent.clear()
        began, sent = time.process_time(), WARM
        while went := run_tick(parts, worker, now=NOW, only_sends=True).sent:
            sent += went
        assert sent == PEOPLE
        return time.process_time() - began

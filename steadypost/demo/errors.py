"""What can go wrong in the demo itself."""

from __future__ import annotations

from steadypost.errors import SteadypostError


class DemoError(SteadypostError):
    """The demo could not be run to its end."""


class DemoPageError(DemoError):
    """A page answered an invented client with an error."""

    def __init__(self, url: str, status: int, page: str) -> None:
        self.url, self.status, self.page = url, status, page
        super().__init__(f"page answered an invented client with {status}: {url}")


class DemoStuckError(DemoError):
    """The series did not end in the time it should have taken."""

    def __init__(self, days: int) -> None:
        self.days = days
        super().__init__(f"series has not ended after {days} days of the demo's clock")


class DemoTickError(DemoError):
    """A step of a tick failed during the demo."""

    def __init__(self, step: str, failure: str) -> None:
        self.step, self.failure = step, failure
        super().__init__(f"step {step!r} of a tick failed: {failure}")

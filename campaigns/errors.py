"""What can go wrong with series, their folders, and people's ways through them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from templates.errors import suggest


class CampaignError(Exception):
    """Anything wrong with what goes out and when."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong in a series folder, and where."""

    file: str
    line: int  # 0: the file as a whole
    problem: str

    def __str__(self) -> str:
        """Say where, what, and what to do."""
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.problem}"


class SeriesFolderError(CampaignError, ValueError):
    """A series folder cannot be used; nothing of it was taken over."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name, self.faults = name, tuple(faults)
        listed = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(f"cannot use series folder '{name}'; put this right first:{listed}")


class FolderInUseError(CampaignError):
    """A series was to be written where something is already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(f"folder is not empty: {folder}; name a new one")


class UnpublishableChangeError(CampaignError):
    """A changed theme or clinic breaks emails; the last good revisions keep being sent."""

    def __init__(self, slug: str, faults: Sequence[Fault]) -> None:
        self.slug, self.faults = slug, tuple(faults)
        listed = "; ".join(str(fault) for fault in self.faults)
        super().__init__(
            f"cannot publish the changed theme or clinic facts in series '{slug}': {listed}; "
            "it goes on as it was"
        )


class UnknownCampaignError(CampaignError, LookupError):
    """No series and no broadcast has this name, or none that was ever published."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"no series or broadcast {name!r} has an email; "
            "'steadypost series list' and 'steadypost broadcast list' name those there are"
        )


class UnknownSeriesError(CampaignError, LookupError):
    """No series has this name."""

    def __init__(self, slug: str, known: Collection[str]) -> None:
        self.slug, self.known = slug, tuple(sorted(known))
        advice = suggest(slug, known) if known else "import one with 'steadypost series import'"
        super().__init__(f"no series is named '{slug}'; {advice}")


class SeriesOnOtherListError(CampaignError):
    """A series was to change its list while people are in it by their word for the old one."""

    def __init__(self, slug: str, *, before: str, after: str) -> None:
        self.slug, self.before, self.after = slug, before, after
        super().__init__(
            f"cannot move series '{slug}' from list '{before}' to '{after}': people are in it, "
            "and they said yes to the old list; import it under another name"
        )


class SeriesPausedError(CampaignError):
    """A series was to be paused that is."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(
            f"series '{slug}' is paused already; 'steadypost series resume {slug}' lets it go on"
        )


class SeriesNotPausedError(CampaignError):
    """A series was to go on that is not paused."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"series '{slug}' is not paused; there is nothing to resume")


class NothingToUndoError(CampaignError):
    """No edit of a series is left that could be undone."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(
            f"no edit of series '{slug}' is left to undo; import an older folder of it instead"
        )


class NotParkedError(CampaignError):
    """Somebody was to go on who is not parked."""

    def __init__(self, email: str) -> None:
        self.email = email
        super().__init__(
            f"{email} is not parked in any series; 'steadypost why {email}' tells where they are"
        )


class NotSubscribedError(CampaignError):
    """A person was to be enrolled who is not confirmed on the series' list."""

    def __init__(self, email: str, list_slug: str) -> None:
        self.email, self.list_slug = email, list_slug
        super().__init__(
            f"cannot enrol {email}: not confirmed on list '{list_slug}'; "
            "they must sign up and confirm first"
        )


class SuppressedPersonError(CampaignError):
    """A person was to be enrolled whose address must not be mailed."""

    def __init__(self, email: str, reason: str) -> None:
        self.email, self.reason = email, reason
        super().__init__(
            f"cannot enrol {email}: the address is suppressed ({reason}); lift that first"
        )


class AlreadyEnrolledError(CampaignError):
    """A person was to be enrolled in a series they are in, or have been through."""

    def __init__(self, email: str, slug: str, status: str) -> None:
        self.email, self.slug, self.status = email, slug, status
        super().__init__(
            f"cannot enrol {email} in series '{slug}' again: their enrolment is {status}; "
            f"'steadypost why {email}' tells more"
        )


class UnknownStepError(CampaignError, LookupError):
    """A series has no such step."""

    def __init__(self, slug: str, step: str, known: Sequence[str]) -> None:
        self.slug, self.step, self.known = slug, step, tuple(known)
        numbered = ", ".join(f"{place} {key}" for place, key in enumerate(known, start=1))
        super().__init__(f"series '{slug}' has no step '{step}'; it has: {numbered or 'none'}")


class SeriesNotNamedError(CampaignError, ValueError):
    """A step was named without its series, and there is not exactly one."""

    def __init__(self, step: str, known: Collection[str]) -> None:
        self.step, self.known = step, tuple(known)
        advice = (
            f"write it like '{self.known[0]}/{step}'; known series: {', '.join(self.known)}"
            if self.known
            else "import a series with 'steadypost series import'"
        )
        super().__init__(f"cannot tell which series step '{step}' is of; {advice}")


class UnknownEmailError(CampaignError, LookupError):
    """Neither a step nor a broadcast has this name."""

    def __init__(self, name: str, no_step: str, broadcasts: Collection[str]) -> None:
        self.name, self.broadcasts = name, tuple(broadcasts)
        super().__init__(f"{no_step}; nor is it a broadcast: {', '.join(self.broadcasts)}")


class StepWithoutTextError(CampaignError):
    """A step has no published text to show or send."""

    def __init__(self, slug: str, key: str) -> None:
        self.slug, self.key = slug, key
        super().__init__(f"step '{slug}/{key}' has no published text; import the series again")


class UnknownReaderError(CampaignError, LookupError):
    """An email was to be shown as somebody gets it who is not there."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            f"nobody has the address {address}; add them first, or look at it as the sample reader"
        )


class AudienceRuleError(CampaignError, ValueError):
    """The rule that picks an audience cannot be read."""

    def __init__(self, rule: str, problem: str) -> None:
        self.rule, self.problem = rule, problem
        super().__init__(f"cannot understand the audience '{rule}': {problem}")


class BroadcastFolderError(CampaignError, ValueError):
    """A broadcast's folder or document cannot be used; nothing of it was taken over."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name, self.faults = name, tuple(faults)
        listed = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(f"cannot use broadcast '{name}'; put this right first:{listed}")


class UnknownBroadcastError(CampaignError, LookupError):
    """No broadcast has this name."""

    def __init__(self, slug: str, known: Collection[str]) -> None:
        self.slug, self.known = slug, tuple(sorted(known))
        advice = suggest(slug, known) if known else "make one with 'steadypost broadcast create'"
        super().__init__(f"no broadcast is named '{slug}'; {advice}")


class BroadcastMoveError(CampaignError):
    """A broadcast was to become what it cannot become any more."""

    def __init__(self, slug: str, *, before: str, deed: str) -> None:
        self.slug, self.before, self.deed = slug, before, deed
        super().__init__(
            f"cannot {deed} broadcast '{slug}': it is {before}; "
            f"'steadypost broadcast status {slug}' tells more"
        )


class PastMomentError(CampaignError, ValueError):
    """A broadcast was to begin before now."""

    def __init__(self, slug: str, moment: str) -> None:
        self.slug, self.moment = slug, moment
        super().__init__(
            f"cannot send broadcast '{slug}' at {moment}: that is over; choose a later time, "
            f"or 'steadypost broadcast send {slug}' for now"
        )


class PostalAddressMissingError(CampaignError):
    """Advertising mail must name a postal address, and the clinic has given none."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(
            f"cannot send broadcast '{slug}': the clinic's postal address is empty; "
            "set it in [clinic] of the settings"
        )


class SendingStoppedError(CampaignError):
    """The database failed in the middle of sending."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(
            f"sending stopped: {cause}; nothing was sent that is not marked, "
            "the next tick tries again"
        )


class OutcomesNotRecordedError(SendingStoppedError):
    """The relay answered, and the database would not take the answers."""

    def __init__(self, delivery_ids: Collection[int], cause: str) -> None:
        super().__init__(cause)
        self.delivery_ids = tuple(sorted(delivery_ids))
        self.args = (
            f"cannot record what the relay answered: deliveries {_listed(self.delivery_ids)}: "
            f"{cause}; they are not sent again and will be listed as uncertain",
        )


class PointerMovedError(CampaignError):
    """Enrolments that were locked and looked at could not be moved; nothing was marked."""

    def __init__(self, enrolment_ids: Collection[int]) -> None:
        self.enrolment_ids = tuple(sorted(enrolment_ids))
        super().__init__(
            f"enrolments ended while their step was marked: {_listed(self.enrolment_ids)}; "
            "nothing of this group was sent, the next tick looks again"
        )


def _listed(ids: Collection[int]) -> str:
    return ", ".join(map(str, ids))

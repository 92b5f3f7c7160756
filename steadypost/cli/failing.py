"""How a command ends: with the right exit code, and with a sentence instead of a traceback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

from steadypost.cli.output import say
from steadypost.errors import ExitCode, SteadypostError


def run(command: click.Command, args: Sequence[str]) -> int:
    """Run a command and tell its exit code."""
    try:
        found = command.main(list(args), prog_name="steadypost", standalone_mode=False)
    except click.exceptions.Abort:
        say("steadypost: stopped at a question; each has a flag, see --help")
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        return ExitCode.OK
    except Exception as error:
        return _tell(error, is_debug="--debug" in args)
    return found if isinstance(found, int) else ExitCode.OK


def _tell(error: Exception, *, is_debug: bool) -> int:
    code, text = judge(error)
    if is_debug or code is ExitCode.FAULT:
        traceback.print_exception(error, file=sys.stderr)
    say(f"steadypost: {text}")
    return code


def judge(error: Exception) -> tuple[ExitCode, str]:
    """Find the exit code and the words for what went wrong."""
    if isinstance(error, SteadypostError):
        return error.exit_code, str(error)
    if isinstance(error, OSError):
        return ExitCode.FAILED, _about_a_file(error)
    return _judge_domain(error) or _judge_database(error) or (ExitCode.FAULT, _fault(error))


def _judge_domain(error: Exception) -> tuple[ExitCode, str] | None:
    from campaigns.errors import (
        AudienceRuleError,
        BroadcastFolderError,
        CampaignError,
        SeriesFolderError,
    )
    from delivery.errors import (
        DeliveryError,
        DkimKeyError,
        InsecureLoginError,
        LoginIncompleteError,
    )
    from storage.errors import StorageError
    from subscribers.errors import SubscriberError, UnreadableFileError
    from templates.errors import TemplateError

    codes: tuple[tuple[type[Exception], ExitCode], ...] = (
        (StorageError, ExitCode.DATABASE),
        (TemplateError, ExitCode.CONTENT),
        (SeriesFolderError, ExitCode.CONTENT),
        (BroadcastFolderError, ExitCode.CONTENT),
        (AudienceRuleError, ExitCode.CONTENT),
        (UnreadableFileError, ExitCode.CONTENT),
        (InsecureLoginError, ExitCode.SETTINGS),
        (DkimKeyError, ExitCode.SETTINGS),
        (LoginIncompleteError, ExitCode.SETTINGS),
        (CampaignError, ExitCode.FAILED),
        (SubscriberError, ExitCode.FAILED),
        (DeliveryError, ExitCode.FAILED),
    )
    return next(((code, str(error)) for kind, code in codes if isinstance(error, kind)), None)


def _judge_database(error: Exception) -> tuple[ExitCode, str] | None:
    from storage.advice import describe_failure

    text = describe_failure(error)
    return (ExitCode.DATABASE, text) if text else None


def _about_a_file(error: OSError) -> str:
    what = (error.strerror or str(error)).lower()
    return f"{what}: {error.filename}" if error.filename else what


def _fault(error: Exception) -> str:
    return (
        f"a mistake in the program: {type(error).__name__}: {error}; "
        "please report it with the lines above"
    )

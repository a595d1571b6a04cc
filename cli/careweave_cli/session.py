"""What every command starts from: the settings, and who calls."""

import asyncio
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from careweave.config import Settings, read_settings
from careweave.errors import InvalidArgument
from careweave.policy import Caller, Role
from careweave_cli.endings import Failure

_Result = TypeVar("_Result")
_TERMINATED: Final = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command.

    caller: in whose name the services are called, where a trial gives tokens for anybody.
    environment: of this process, for those that it starts.
    """

    settings: Settings
    caller: Caller
    environment: Mapping[str, str]


pass_session: Final = click.make_pass_decorator(Session)


def open_session(
    environment: Mapping[str, str], subject: str | None, role: str | None, organisation: str | None
) -> Session:
    """Return the session for the settings in `environment` and the options of the root command.

    Raises:
        InvalidArgument: a setting cannot be used, there is no such role, or a token says already who calls.
    """
    settings = read_settings(environment)
    if settings.token_file and (subject or role or organisation):
        raise InvalidArgument(
            "The token in CAREWEAVE_TOKEN_FILE says who calls; leave out --as, --role and --organisation.",
            reason="CALLER_GIVEN_TWICE",
        )
    assumed = Role.PERSON if (subject or "").startswith("people/") else Role.OPERATOR
    try:
        acting = Role(role) if role else assumed
    except ValueError as error:
        message = f"There is no role {role!r}; use one of {', '.join(Role)}."
        raise InvalidArgument(message, reason="ROLE_UNKNOWN") from error
    return Session(settings, Caller(subject or "", acting, organisation or ""), environment)


def run(command: Coroutine[Any, Any, _Result]) -> _Result:
    """Run `command` on a new event loop; Ctrl-C and SIGTERM cancel it and let it clean up."""
    try:
        return asyncio.run(_until_terminated(command))
    except asyncio.CancelledError as error:
        raise Failure("Stopped by SIGTERM.", _TERMINATED) from error


async def _until_terminated(command: Coroutine[Any, Any, _Result]) -> _Result:
    working = asyncio.ensure_future(command)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    return await working

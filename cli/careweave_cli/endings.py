"""How a command ends when it cannot do what was asked: what is printed, and the exit status."""

import traceback
from collections.abc import Mapping
from typing import IO, Any, Final

import click

from careweave.errors import (
    AlreadyExists,
    CareweaveError,
    Conflict,
    DataLoss,
    Exhausted,
    FailedPrecondition,
    Forbidden,
    InvalidArgument,
    NotFound,
    RateLimited,
    TimedOut,
    Unauthenticated,
    Unavailable,
)

EXIT_STATUS: Final[Mapping[type[CareweaveError], int]] = {
    InvalidArgument: 2,
    NotFound: 3,
    Forbidden: 4,
    Unauthenticated: 4,
    AlreadyExists: 5,
    Conflict: 5,
    FailedPrecondition: 5,
    Unavailable: 6,
    Exhausted: 7,
    RateLimited: 7,
    TimedOut: 6,
    DataLoss: 7,
}
UNEXPECTED: Final = 1


class Failure(click.ClickException):
    """Ends the command with `message` on standard error and `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Keep both."""
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance, as its own errors set it

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message; nothing if it is empty."""
        if self.message:
            click.echo(f"careweave: {self.message}", file=file, err=file is None)


def ending_of(error: CareweaveError) -> Failure:
    """Return how a command ends that met `error`."""
    status = UNEXPECTED if error.reason == "UNEXPECTED" else EXIT_STATUS[type(error)]
    lines = [error.message]
    if isinstance(error, InvalidArgument) and len(error.violations) > 1:
        lines += [f"  {each.field}: {each.description}" for each in error.violations]
    return Failure("\n".join(lines), status)


def unexpected(error: Exception, *, shown: bool) -> Failure:
    """Return how a command ends on an error that nobody foresaw; `shown` says where it came from."""
    if shown:
        return Failure("".join(traceback.format_exception(error)).rstrip(), UNEXPECTED)
    message = f"Something went wrong here: {type(error).__name__}: {error}\n"
    return Failure(f"{message}This is a fault of the program; with `careweave --debug ...` it shows where.", UNEXPECTED)

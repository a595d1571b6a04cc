"""`careweave equality`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.errors import InvalidArgument
from careweave.policy import Role
from careweave.v1 import planning_pb2 as pb
from careweave_cli.commands.options import as_json
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.equality import QUESTIONS, answers, choices
from careweave_cli.show.words import plural

_SERVICES: Final = ("profiles", "planning")
"""Profiles knows by which pseudonym the audit trail records the call."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group
def equality() -> None:
    r"""Say of yourself what equality monitoring asks, read it, or take it back. All of it is voluntary.

    Nobody but you can read what you declare: no employer, no planner and nobody who runs this place. It is kept
    apart from your profile and is no part of any ranking. Say who you are with --as.

    \b
    Examples:
      careweave --as people/k3v9... equality declare --ethnic-group asian-indian --disability prefer-not-to-say
      careweave --as people/k3v9... equality show
      careweave --as people/k3v9... equality withdraw
    """


def _asking(command: _Command) -> _Command:
    """Add an option for each question."""
    for question in reversed(QUESTIONS):
        command = click.option(
            f"--{question.option}", question.field, type=click.Choice(choices(question)), help=question.words
        )(command)
    return command


@equality.command
@_asking
@as_json
@pass_session
def declare(session: Session, /, *, json_wanted: bool, **given: str | None) -> None:
    r"""Declare, or change what you have declared; what you do not give stays as it is.

    prefer-not-to-say is an answer: it says that you were asked. unanswered takes an answer back. Mind that a shell
    remembers what is typed.

    \b
    Examples:
      careweave --as people/k3v9... equality declare --age-band 25-to-34 --sex female
      careweave --as people/k3v9... equality declare --religion unanswered
    """
    answered = {field: answer for field, answer in given.items() if answer is not None}
    if not answered:
        raise click.UsageError("Answer at least one question; --help lists them.")
    _print(run(_declare(session, answered)), json_wanted=json_wanted)


@equality.command
@as_json
@pass_session
def show(session: Session, *, json_wanted: bool) -> None:
    r"""Show what you have declared.

    \b
    Example:
      careweave --as people/k3v9... equality show --json
    """
    _print(run(_show(session)), json_wanted=json_wanted)


@equality.command
@pass_session
def withdraw(session: Session) -> None:
    r"""Take back all that you have declared. It is deleted at once, and nothing of it is kept.

    \b
    Example:
      careweave --as people/k3v9... equality withdraw
    """
    run(_withdraw(session))
    OUT.print("What you had declared is deleted.")


@equality.command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_session
def rotate_key(session: Session, *, file: Path) -> None:
    r"""Keep all declarations under the key in FILE from now on. For who runs this place; shows no declaration.

    It works on the database that CAREWEAVE_EQUALITY names, under the key that it has now, in one transaction.
    Stop planning before; afterwards put FILE where CAREWEAVE_EQUALITY_KEY_FILE says (or beside the database) and
    destroy the key that was there. Who was erased so far is not known to the store any more.

    \b
    Example:
      openssl rand -base64 32 > new.key && careweave equality rotate-key new.key && mv new.key var/equality.key
    """
    moved = run(_rotate(session, file))
    OUT.print(f"{plural(moved, 'declaration')} kept under the key in {file}. Planning needs it from now on.")


async def _rotate(session: Session, file: Path) -> int:
    import secrets

    from careweave_planning.opening import rotate_key

    return await rotate_key(session.settings, file, secrets.token_bytes)


async def _declare(session: Session, answered: Mapping[str, str]) -> pb.EqualityDeclaration:
    declaration = pb.EqualityDeclaration(name=_own_name(session))
    for question in QUESTIONS:
        if question.field in answered:
            setattr(declaration, question.field, choices(question)[answered[question.field]])
    request = pb.UpdateEqualityDeclarationRequest(
        equality_declaration=declaration, update_mask=FieldMask(paths=list(answered)), allow_missing=True
    )
    async with reach(session, _SERVICES) as services:
        return await services.planning.UpdateEqualityDeclaration(request)


async def _show(session: Session) -> pb.EqualityDeclaration:
    request = pb.GetEqualityDeclarationRequest(name=_own_name(session))
    async with reach(session, _SERVICES) as services:
        return await services.planning.GetEqualityDeclaration(request)


async def _withdraw(session: Session) -> None:
    request = pb.WithdrawEqualityDeclarationRequest(name=_own_name(session))
    async with reach(session, _SERVICES) as services:
        await services.planning.WithdrawEqualityDeclaration(request)


def _own_name(session: Session) -> str:
    """Return the name of the caller's own declaration.

    Raises:
        InvalidArgument: the caller is not a person.
    """
    if session.caller.role is not Role.PERSON:
        raise InvalidArgument(
            "A declaration is a person's own: say who you are, as in `careweave --as people/… equality show`.",
            reason="CALLER_NOT_A_PERSON",
        )
    return f"{session.caller.subject}/equalityDeclaration"


def _print(declaration: pb.EqualityDeclaration, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(declaration)
    else:
        OUT.print(answers(declaration))

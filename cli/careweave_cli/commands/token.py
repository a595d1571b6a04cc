"""`careweave token`."""

from datetime import UTC

import click

from careweave.client import calling
from careweave.errors import InvalidArgument
from careweave.rpc.access import NUMBERS
from careweave.rpc.channels import Channels
from careweave.v1 import access_service_pb2
from careweave_cli.session import Session, pass_session, run


@click.group(invoke_without_command=True)
@click.pass_context
def token(ctx: click.Context) -> None:
    r"""Print a token of a trial, for whoever --as and --role name; or revoke tokens.

    Where there are issuers, tokens come from them: put one into the file that CAREWEAVE_TOKEN_FILE names.

    \b
    Examples:
      grpcurl -plaintext -H "authorization: Bearer $(careweave token)" 127.0.0.1:50051 list
      careweave --as people/k3v9... token
      careweave token revoke --subject people/k3v9...
    """
    if ctx.invoked_subcommand is None:
        session = ctx.find_object(Session)
        assert session is not None  # noqa: S101  the root command makes one
        click.echo(run(_issue(session)))


@token.command
@click.option("--jti", default="", help="One token, by its claim jti.")
@click.option("--subject", default="", help="All tokens of this person, organisation or sub, issued until now.")
@pass_session
def revoke(session: Session, *, jti: str, subject: str) -> None:
    r"""Refuse a token, or all that somebody has, at every server from now on; streams that they opened end.

    \b
    Examples:
      careweave token revoke --jti 5d0e...
      careweave token revoke --subject people/k3v9...
    """
    if bool(jti) == bool(subject):
        raise InvalidArgument("Give either --jti or --subject.", reason="TOKENS_UNNAMED")
    request = access_service_pb2.RevokeTokensRequest(jti=jti) if jti else None
    reply = run(_revoke(session, request or access_service_pb2.RevokeTokensRequest(subject=subject)))
    click.echo(f"Revoked: what was issued until {reply.revoke_time.ToDatetime(UTC).isoformat(timespec='seconds')}.")


@token.command
@click.option("--withdraw", is_flag=True, help="Refuse what the keys until now signed, at once.")
@pass_session
def rotate(session: Session, *, withdraw: bool) -> None:
    r"""Have a trial sign with a new key from now on. Issuers rotate theirs by themselves.

    \b
    Example:
      careweave token rotate --withdraw
    """
    click.echo(f"Signing by key {run(_rotate(session, withdraw=withdraw))}.")


async def _issue(session: Session) -> str:
    caller = session.caller
    request = access_service_pb2.IssueTrialTokenRequest(
        role=NUMBERS[caller.role], subject=caller.subject, organisation=caller.organisation
    )
    async with Channels(session.settings, caller, waiting=False) as services:
        with calling():
            return (await services.access.IssueTrialToken(request)).token


async def _revoke(
    session: Session, request: access_service_pb2.RevokeTokensRequest
) -> access_service_pb2.RevokeTokensResponse:
    async with Channels(session.settings, session.caller, waiting=False) as services:
        with calling():
            return await services.access.RevokeTokens(request)


async def _rotate(session: Session, *, withdraw: bool) -> str:
    async with Channels(session.settings, session.caller, waiting=False) as services:
        with calling():
            reply = await services.access.RotateTrialKey(access_service_pb2.RotateTrialKeyRequest(withdraw=withdraw))
            return reply.key_id

"""How a server knows its callers, put together; and AccessService as a part of that server."""

import asyncio
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from careweave.config import Settings, listed
from careweave.events.wakeup import Wakeup
from careweave.identity.fetching import Fetcher
from careweave.identity.keys import IssuerKeys
from careweave.identity.revocations import Revocations
from careweave.identity.servicer import AccessServicer
from careweave.identity.signing import OwnIssuer
from careweave.identity.tokens import Tokens
from careweave.identity.trial import Trial, answering, bind
from careweave.identity.usecases import Ports
from careweave.rpc.caller import Callers
from careweave.rpc.streams import Streams
from careweave.v1 import access_service_pb2
from careweave.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server

if TYPE_CHECKING:
    from careweave.wiring import Adapters

NAME: Final = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"].full_name


@dataclass(frozen=True, slots=True)
class Identity:
    """What one server knows its callers by.

    own: issues tokens for calls within this process. issuers: this one, and that of a trial.
    withdrawn: notified when one of these has withdrawn keys.
    """

    callers: Callers
    streams: Streams
    own: OwnIssuer
    issuers: tuple[OwnIssuer, ...]
    withdrawn: Wakeup
    part: "AccessPart"


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """What a worker of a server knows its callers by: the server's tokens, and what is revoked.

    revocations: to be followed.
    """

    callers: Callers
    streams: Streams
    tokens: Tokens
    revocations: Revocations


class AccessPart:
    """AccessService on a server; see `careweave.rpc.parts.ServicePart`. It follows what is revoked."""

    name = NAME

    def __init__(self, ports: Ports, trial: Trial | None) -> None:
        """Answer from `ports`; trial: where its issuer answers."""
        self._ports = ports
        self._trial = trial
        self._answering = ExitStack()

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`, and let the issuer of a trial answer."""
        add_AccessServiceServicer_to_server(AccessServicer(self._ports), server)
        if self._trial is not None:
            self._answering.enter_context(answering(self._trial))

    async def run(self) -> None:
        """Follow what is revoked until cancelled."""
        await self._ports.revocations.follow(self._ports.events)

    def ready(self) -> bool:
        """Tell whether it is known what is revoked."""
        return self._ports.revocations.known()

    async def close(self) -> None:
        """Stop the issuer of a trial."""
        await asyncio.to_thread(self._answering.close)


def identity_of(settings: Settings, adapters: "Adapters") -> Identity:
    """Return what a server of `settings` knows its callers by; a trial's issuer is bound, and does not answer yet.

    Raises:
        Unavailable: the address of the trial's issuer cannot be bound.
    """
    revocations, withdrawn = Revocations(), Wakeup()
    tokens = _tokens(settings, adapters, revocations)

    def forget() -> None:
        tokens.forget()
        withdrawn.notify()

    def own_issuer(url: str) -> OwnIssuer:
        issuer = OwnIssuer(url, settings.audience, adapters.clock, forget)
        tokens.add(issuer)
        return issuer

    own = own_issuer(f"urn:careweave:process:{secrets.token_hex(8)}")
    trial = bind(settings.trial_listen) if settings.trial == "yes" else None
    if trial is not None:
        trial.issuer = own_issuer(trial.url)
    ports = Ports(revocations, adapters.events, trial.issuer if trial else None, adapters.clock, adapters.new_id)
    return Identity(
        callers=Callers(tokens, listed(settings.service_names)),
        streams=Streams(revocations, adapters.clock),
        own=own,
        issuers=(own, trial.issuer) if trial else (own,),
        withdrawn=withdrawn,
        part=AccessPart(ports, trial),
    )


def worker_identity_of(settings: Settings, adapters: "Adapters") -> WorkerIdentity:
    """Return what a worker knows its callers by; the keys of its server's own issuers are still to be added."""
    revocations = Revocations()
    tokens = _tokens(settings, adapters, revocations)
    # At the address that workers share nobody is asked for a certificate, so no name in one counts.
    return WorkerIdentity(Callers(tokens, ()), Streams(revocations, adapters.clock), tokens, revocations)


def _tokens(settings: Settings, adapters: "Adapters", revocations: Revocations) -> Tokens:
    tokens = Tokens((), settings.audience, revocations, adapters.clock)
    fetch = Fetcher(plain=settings.trial == "yes")
    for url in listed(settings.issuers):
        tokens.add(IssuerKeys(url, fetch, time.monotonic, tokens.forget))
    return tokens

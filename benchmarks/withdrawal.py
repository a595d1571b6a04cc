"""How soon a withdrawn consent is gone from every answer: on services with three replicas of matching.

    python -m benchmarks.withdrawal [--json] [--stack servers|embedded] [--times 200]

Somebody lets an organisation find them, and withdraws that; from the answer to the withdrawal until no replica's
FindCandidates lists them any more and none's ExplainMatch explains them to a recruiter, each asked again and again.
On the embedded engines one process serves everything, hence one replica.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import grpc

from benchmarks.stack import STACKS, replicas, serving, settings_of
from careweave.client import calling, person
from careweave.policy import Caller, Role
from careweave.rpc.channels import Channels
from careweave.v1 import common_pb2, matching_pb2, profiles_pb2

TRUST = "organisations/fictional-trust"
RECRUITER = Caller(TRUST, Role.RECRUITER, TRUST)
REPLICAS = 3
_PAUSE = 0.05
"""Seconds between two measurements, so that each finds everything at rest."""


async def furnish(services: Channels) -> tuple[str, str]:
    """Return a person and an opportunity, as all replicas know them soon."""
    organisation = profiles_pb2.Organisation(name=TRUST, title="Fictional Trust", fictional=True)
    await services.profiles.UpdateOrganisation(
        profiles_pb2.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
    )
    opportunity = matching_pb2.Opportunity(
        title="Carer", kind=common_pb2.OPPORTUNITY_KIND_JOB, organisation=TRUST, description="Care.", fictional=True
    )
    offered = await services.matching.CreateOpportunity(matching_pb2.CreateOpportunityRequest(opportunity=opportunity))
    given = profiles_pb2.CreatePersonRequest(person=profiles_pb2.Person(display_name="Measured", fictional=True))
    return (await services.profiles.CreatePerson(given)).name, offered.name


async def is_found(replica: Channels, who: str, opportunity: str) -> bool:
    """Say whether `replica` lists or explains the person to a recruiter."""
    request = matching_pb2.FindCandidatesRequest(opportunity=opportunity, include_ineligible=True)
    listed = await replica.matching.FindCandidates(request)
    if any(candidate.person == who for candidate in listed.candidates):
        return True
    try:
        await replica.matching.ExplainMatch(matching_pb2.ExplainMatchRequest(person=who, opportunity=opportunity))
    except grpc.aio.AioRpcError as refused:
        if refused.code() is grpc.StatusCode.PERMISSION_DENIED:
            return False
        raise
    return True


async def until_all(asked: Sequence[Channels], who: str, opportunity: str, *, found: bool) -> None:
    """Return when every one of `asked` finds the person, or none does."""

    async def until(replica: Channels) -> None:
        while await is_found(replica, who, opportunity) is not found:  # noqa: ASYNC110  the event is elsewhere
            await asyncio.sleep(0.001)

    await asyncio.gather(*(until(replica) for replica in asked))


async def withdrawn(own: Channels, asked: Sequence[Channels], who: str, opportunity: str, times: int) -> list[float]:
    """Return milliseconds from the answer to a withdrawal until it counts everywhere."""
    consent = profiles_pb2.Consent(purpose=profiles_pb2.CONSENT_PURPOSE_BE_FOUND, organisations=[TRUST])
    taken = []
    for _ in range(times):
        given = await own.profiles.GiveConsent(profiles_pb2.GiveConsentRequest(parent=who, consent=consent))
        await until_all(asked, who, opportunity, found=True)
        await asyncio.sleep(_PAUSE)
        await own.profiles.WithdrawConsent(profiles_pb2.WithdrawConsentRequest(name=given.name))
        began = time.perf_counter()
        await until_all(asked, who, opportunity, found=False)
        taken.append(1000 * (time.perf_counter() - began))
    return taken


async def measure(stack: str, times: int) -> dict[str, float]:
    """Return how many replicas were asked, and p50, p99 and the longest time in milliseconds."""
    async with AsyncExitStack() as until_done:
        folder = Path(until_done.enter_context(tempfile.TemporaryDirectory()))
        # Recruiters ask here as fast as they can, to see the moment.
        settings = await settings_of(stack, folder, until_done, calls_per_second=1e6)
        served = await until_done.enter_async_context(serving(settings, apart=stack == "servers"))
        until_done.enter_context(calling())
        who, opportunity = await furnish(served.services)
        addresses = [served.settings.address("matching")]
        if stack == "servers":
            addresses += await until_done.enter_async_context(replicas(served.settings, REPLICAS - 1))
        asked = [await until_done.enter_async_context(Channels(served.at(address), RECRUITER)) for address in addresses]
        own = await until_done.enter_async_context(Channels(served.settings, person(who)))
        taken = await withdrawn(own, asked, who, opportunity, times)
        cuts = statistics.quantiles(taken, n=100)
        return {"replicas": len(asked), "p50": cuts[49], "p99": cuts[98], "longest": max(taken)}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--stack", choices=STACKS, default="servers")
    parser.add_argument("--times", type=int, default=200)
    given = parser.parse_args()
    found = asyncio.run(measure(given.stack, given.times))
    if given.json:
        print(json.dumps(found))
        return
    print(
        f"withdrawn to gone everywhere, {found['replicas']:.0f} replicas: p50 {found['p50']:.1f} ms, "
        f"p99 {found['p99']:.1f} ms, longest {found['longest']:.1f} ms"
    )


if __name__ == "__main__":
    main()

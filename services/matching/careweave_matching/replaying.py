"""Recorded rankings made again from the versions that they name, never from what there is now in their stead.

What a score depends on is named in the record: the day, the model, the taxonomy, the weights, the table of related
occupations, the positions of places, and the versions of profile and opportunities. Model, taxonomy and table are those
of the index or are gone; the rest is kept (`earlier`, and versions of profiles by the profiles service). What closes a
gap is told from the taxonomy and the opportunities of the same answer: no score depends on it.
"""

from collections.abc import Sequence

from careweave.errors import FailedPrecondition, InvalidArgument, NotFound
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1 import matching_pb2 as pb
from careweave.v1.common_pb2 import Versions
from careweave_matching import aspirations, earlier, past_decisions, store
from careweave_matching.geography import Geography
from careweave_matching.index import Index
from careweave_matching.messages import read_date
from careweave_matching.model import Opportunity, Person
from careweave_matching.opportunities import Service
from careweave_matching.pair import Match, judge
from careweave_matching.ports import Ports
from careweave_matching.ranking import no_such
from careweave_matching.review_store import owner_of
from careweave_matching.spreading import spread
from careweave_matching.weights import BY_VERSION, Weights


async def explain(service: Service, caller: Caller, request: pb.ExplainMatchRequest) -> Match:
    """Return one line of a recorded ranking in full, as it was; preference only where it was made for the person.

    Raises:
        Forbidden: the caller may not. InvalidArgument: the ranking is not of that person.
        NotFound: there is no such person, they were erased, nothing is kept of the ranking, or it does not show the
            opportunity; the reason says which.
        FailedPrecondition: what the ranking was made from is no longer there; the metadata name it.
    """
    authorise(caller, Action.EXPLAIN_DECISION, Resource(person=request.person))
    if owner_of(request.decision) != request.person:
        raise InvalidArgument("decision must be one of the person asked for.", reason="DECISION_OF_ANOTHER")
    recorded = await _recorded(service.ports, request.decision)
    lines = past_decisions.lines_of(recorded, request.opportunity)
    if not lines:
        raise NotFound(
            f"{request.decision} does not show {request.opportunity}; careweave decisions show lists what it does.",
            reason="NOT_IN_DECISION",
            metadata={"resource": request.opportunity},
        )
    return (await _made_again(service, recorded, lines))[0]


async def replay(service: Service, caller: Caller, name: str) -> pb.DecisionReplay:
    """Return a recorded ranking beside the same ranking made again.

    Raises:
        as `explain`.
    """
    authorise(caller, Action.REPLAY_DECISION, Resource(person=owner_of(name)))
    recorded = await _recorded(service.ports, name)
    matches = await _made_again(service, recorded, recorded.lines)
    again = [
        pb.DecisionLine(
            opportunity=line.opportunity,
            opportunity_version=line.opportunity_version,
            position=position,
            score=match.score,
            suitability=match.components.suitability,
        )
        for position, (line, match) in enumerate(_in_order(recorded, matches), start=recorded.lines[0].position)
    ]
    by_name = {line.opportunity: line for line in again}
    pairs = [(line, by_name[line.opportunity]) for line in recorded.lines]
    return pb.DecisionReplay(
        decision=recorded,
        lines=again,
        same_order=[line.opportunity for line in again] == [line.opportunity for line in recorded.lines],
        largest_difference=max(
            max(abs(one.score - other.score), abs(one.suitability - other.suitability)) for one, other in pairs
        ),
    )


async def _recorded(ports: Ports, name: str) -> pb.Decision:
    person = owner_of(name)
    if await store.unknown(ports.graph, "Person", [person]):
        await ports.fetch_person_version(person, 1)  # which says whether they were erased or never were
    found = await past_decisions.find(ports, name)
    if found is None or not found.lines:
        raise no_such("decision", name)
    return found


def _in_order(recorded: pb.Decision, matches: Sequence[Match]) -> list[tuple[pb.DecisionLine, Match]]:
    """Return the lines of a ranking, which judge again as `matches`, in the order that these take."""
    judged = sorted(zip(recorded.lines, matches, strict=True), key=lambda each: (-each[1].score, each[0].opportunity))
    most = recorded.maximum_per_organisation
    if not most:
        return judged
    owners = [match.entry.opportunity.organisation for _, match in judged]
    order, _ = spread(owners, most, len(judged), recorded.preceding_organisations)
    return [judged[number] for number in order]


async def _made_again(service: Service, recorded: pb.Decision, lines: Sequence[pb.DecisionLine]) -> list[Match]:
    """Return the match of each of `lines` from the versions that `recorded` names."""
    name, made, as_of = owner_of(recorded.name), recorded.versions, read_date(recorded.as_of_date, "as_of_date")
    ports, index = service.ports, service.model.index
    weights = _weights(index, recorded.name, made)
    geography = await _geography(ports, index, recorded.name, made.places)
    person = await _person(ports, recorded.name, name, made.profile)
    offered = await _opportunities(ports, recorded.name, lines)
    apart = index.apart(geography, weights)
    await apart.put_opportunities(offered)
    written = await aspirations.read(ports.graph, index.model, [person])
    await apart.put_people([person], as_of, written.by_part)
    who = apart.person(name, as_of)
    entries = [apart.opportunity(each.name) for each in offered]
    frame = apart.board(as_of).frame
    own = recorded.subject == name
    return [judge(who, entry, frame, own=own) for entry in entries if who is not None and entry is not None]


def _weights(index: Index, decision: str, made: Versions) -> Weights:
    """Return the weights of a ranking if the index has its model, taxonomy and table too."""
    relatedness = index.taxonomy.relatedness.digest
    for what, wanted, present in (
        ("model", made.model, index.model),
        ("taxonomy", made.taxonomy, index.taxonomy.version),
        ("relatedness", made.relatedness, relatedness),
    ):
        if wanted != present:
            raise _gone(decision, what, wanted)
    weights = BY_VERSION.get(made.weights)
    if weights is None:
        raise _gone(decision, "weights", made.weights)
    return weights


async def _geography(ports: Ports, index: Index, decision: str, digest: str) -> Geography:
    present = index.surroundings.geography
    if digest == present.digest:
        return present
    found = await earlier.places(ports.graph, digest)
    if found is None:
        raise _gone(decision, "places", digest)
    return found


async def _person(ports: Ports, decision: str, name: str, version: int) -> Person:
    try:
        return await ports.fetch_person_version(name, version)
    except NotFound as error:
        if error.reason != "PERSON_VERSION_NOT_KEPT":
            raise
        raise _gone(decision, "profile", str(version)) from error


async def _opportunities(ports: Ports, decision: str, lines: Sequence[pb.DecisionLine]) -> list[Opportunity]:
    wanted = {line.opportunity: line.opportunity_version for line in lines}
    found = await earlier.opportunities(ports.graph, wanted)
    for name, version in wanted.items():
        if name not in found:
            raise _gone(decision, "opportunity", f"{name} version {version}")
    return [found[name] for name in wanted]


def _gone(decision: str, what: str, version: str) -> FailedPrecondition:
    """Return the error that says which of the versions that a ranking names is no longer there."""
    named = f"{what} {version!r}" if version else f"{what}, which it does not name since an earlier release made it"
    return FailedPrecondition(
        f"{decision} cannot be made again: it was made with the {named}, and that is not here any more. What it said "
        "is still recorded: see GetDecision.",
        reason="DECISION_NOT_REPLAYABLE",
        metadata={"resource": decision, "missing": what, "version": version},
    )

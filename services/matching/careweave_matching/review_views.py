"""What of a review each caller may see.

The person, and the operator who acts for them, see all of it. An employer sees what the person says and the one line of
the ranking that is about the employer's own opportunity; how the two fit as far as the person's consent opens it at
this moment, as in `ranking.as_opened`; and never preference.
"""

from datetime import datetime

from careweave.policy import Caller
from careweave.v1 import matching_pb2 as pb
from careweave_matching import reviewing
from careweave_matching.following import ReadModel
from careweave_matching.past_decisions import lines_of
from careweave_matching.ranking import CREDENTIAL_GATES, EMPLOYER_ROLES
from careweave_matching.review_store import Kept, owner_of
from careweave_matching.reviewing import Review
from careweave_matching.terms import ConsentPurpose, GateKind, ProfileField


def seen_by(caller: Caller, kept: Kept, model: ReadModel) -> Review:
    """Return the review as `caller`, who may see it, sees it now."""
    now = model.now()
    seen = Review()
    seen.CopyFrom(kept.review)
    seen.overdue = reviewing.overdue(seen, now)
    if caller.role in EMPLOYER_ROLES:
        seen.record.CopyFrom(_for_employer(kept, _opened_fields(kept.review, model, now)))
    return seen


def _opened_fields(review: Review, model: ReadModel, now: datetime) -> frozenset[int] | None:
    who = model.index.person(owner_of(review.name), now.date())
    return who.person.consent_for(review.organisation, ConsentPurpose.BE_FOUND, now) if who else None


def _for_employer(kept: Kept, fields: frozenset[int] | None) -> pb.ReviewRecord:
    record = pb.ReviewRecord()
    record.decision.CopyFrom(kept.review.record.decision)
    del record.decision.lines[:]
    for line in lines_of(kept.review.record.decision, kept.review.opportunity):
        record.decision.lines.add().CopyFrom(line)
        record.decision.lines[-1].score = line.suitability
    if kept.employer_match is not None and fields is not None:
        record.match.CopyFrom(opened(kept.employer_match, fields))
    return record


def opened(match: pb.Match, fields: frozenset[int]) -> pb.Match:
    """Return `match`, an employer's, without what a consent to `fields` does not open."""
    shown = pb.Match()
    shown.CopyFrom(match)
    hidden: set[int] = set() if ProfileField.CREDENTIALS in fields else {*CREDENTIAL_GATES}
    if ProfileField.PLACE not in fields:
        hidden.add(GateKind.TRAVEL)
        shown.distance_miles, shown.travel_minutes = -1.0, -1
    if ProfileField.SKILLS not in fields:
        del shown.skills[:]
        del shown.reasons[:]
    gates = [gate for gate in shown.gates if gate.kind not in hidden]
    del shown.gates[:]
    shown.gates.extend(gates)
    return shown

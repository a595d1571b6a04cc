"""`careweave reviews`."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

import click

from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2 as pb
from careweave_cli.commands.options import as_json
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.reviews import review, reviews_table
from careweave_cli.show.words import word

_Reply = TypeVar("_Reply")

_KINDS = [word(pb.ReviewKind, number).replace(" ", "-") for number in pb.ReviewKind.values() if number]
_STATES = [word(pb.ReviewState, number).replace(" ", "-") for number in pb.ReviewState.values() if number]
_OUTCOMES = [word(pb.ReviewOutcome, number).replace(" ", "-") for number in pb.ReviewOutcome.values() if number]


@click.group
def reviews() -> None:
    r"""Ask a human to look at a ranking, and answer those who ask (UK GDPR Article 22C).

    A person asks about a ranking of theirs. A manager or recruiter of the organisation that offers the opportunity
    looks and answers; without an opportunity, an operator does. Nobody does so in a case of their own. There is one
    month; a complex case gets two more if the person is told why within the first.

    \b
    What happens                  who does it      command
      a person asks               the person       careweave reviews request
      somebody begins to look     the reviewer     careweave reviews start
      it needs more time          the reviewer     careweave reviews extend
      it is decided, with why     the reviewer     careweave reviews answer
      it is taken back            the person       careweave reviews withdraw

    \b
    Examples:
      careweave --as people/k3v9... reviews request people/k3v9.../decisions/20270104-... \
        --about opportunities/x7d2... --comment "I led a night team for six years."
      careweave --role manager --organisation organisations/a-trust reviews list --organisation organisations/a-trust
    """


@reviews.command
@click.argument("decision")
@click.option("--about", "opportunity", default="", help="The opportunity in it; else the ranking as a whole.")
@click.option("--kind", type=click.Choice(_KINDS), default="human-review", show_default=True, help="What is asked for.")
@click.option("--comment", required=True, help="What the person says, in their own words; at most 4,000 characters.")
@as_json
@pass_session
def request(session: Session, *, decision: str, opportunity: str, kind: str, comment: str, json_wanted: bool) -> None:
    r"""Ask a human to look at DECISION (people/…/decisions/…), a ranking of one's own.

    \b
    Kinds:
      representation  something be considered that the ranking did not
      human-review    a human look at it
      contest         it be put right, because it is wrong

    With --about, the organisation that offers the opportunity reads the comment and answers.

    \b
    Example:
      careweave --as people/k3v9... reviews request people/k3v9.../decisions/20270104-... --kind contest \
        --about opportunities/x7d2... --comment "My NMC registration is current."
    """
    asked = pb.DecisionReview(
        kind=pb.ReviewKind.Value(f"REVIEW_KIND_{_upper(kind)}"),
        decision=decision,
        opportunity=opportunity,
        comment=comment,
    )
    message = pb.RequestReviewRequest(
        parent=decision.partition("/decisions/")[0], review=asked, request_id=str(uuid4())
    )
    _print(run(_call(session, lambda services: services.matching.RequestReview(message))), json_wanted=json_wanted)


@reviews.command("list")
@click.option("--person", default="", help="Of this person (people/…).")
@click.option("--organisation", default="", help="That this organisation has to answer (organisations/…).")
@click.option("--state", type=click.Choice(_STATES), help="Only in this state.")
@click.option("--due-before", type=click.DateTime(["%Y-%m-%d"]), help="Only those due before that day.")
@click.option("-n", "--top", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many to list.")
@as_json
@pass_session
def list_(
    session: Session,
    *,
    person: str,
    organisation: str,
    state: str | None,
    due_before: datetime | None,
    top: int,
    json_wanted: bool,
) -> None:
    r"""List reviews, open ones first, the most urgent first.

    \b
    Examples:
      careweave --as people/k3v9... reviews list --person people/k3v9...
      careweave --role recruiter --organisation organisations/a-trust reviews list \
        --organisation organisations/a-trust --state received
      careweave reviews list --due-before 2027-02-01 --json
    """
    message = pb.ListReviewsRequest(
        person=person,
        organisation=organisation,
        state=pb.ReviewState.Value(f"REVIEW_STATE_{_upper(state)}") if state else pb.REVIEW_STATE_UNSPECIFIED,
        page_size=top,
    )
    if due_before is not None:
        message.due_before.FromDatetime(due_before)
    reply = run(_call(session, lambda services: services.matching.ListReviews(message)))
    if json_wanted:
        print_json(reply)
    elif not reply.reviews:
        OUT.print("There are no such reviews.")
    else:
        OUT.print(reviews_table(reply.reviews))


@reviews.command
@click.argument("name")
@as_json
@pass_session
def show(session: Session, *, name: str, json_wanted: bool) -> None:
    r"""Show one review: what was asked, what it is about, how far it has come, and the answer.

    \b
    Example:
      careweave --as people/k3v9... reviews show people/k3v9.../reviews/p2x8...
    """
    message = pb.GetReviewRequest(name=name)
    _print(run(_call(session, lambda services: services.matching.GetReview(message))), json_wanted=json_wanted)


@reviews.command
@click.argument("name")
@click.option("--reviewer", required=True, help="Reference of the reviewer in their organisation; no name.")
@as_json
@pass_session
def start(session: Session, *, name: str, reviewer: str, json_wanted: bool) -> None:
    r"""Say that somebody has begun to look at the review NAME.

    \b
    Example:
      careweave --role manager --organisation organisations/a-trust reviews start people/…/reviews/… --reviewer hr-7
    """
    message = pb.StartReviewRequest(name=name, reviewer_reference=reviewer)
    _print(run(_call(session, lambda services: services.matching.StartReview(message))), json_wanted=json_wanted)


@reviews.command
@click.argument("name")
@click.option("--reason", required=True, help="Why, in words for the person.")
@as_json
@pass_session
def extend(session: Session, *, name: str, reason: str, json_wanted: bool) -> None:
    r"""Give the review NAME two further months; within the first month, once.

    \b
    Example:
      careweave --role manager --organisation organisations/a-trust reviews extend people/…/reviews/… \
        --reason "Two wards have to be asked."
    """
    message = pb.ExtendReviewRequest(name=name, reason=reason)
    _print(run(_call(session, lambda services: services.matching.ExtendReview(message))), json_wanted=json_wanted)


@reviews.command
@click.argument("name")
@click.option("--reviewer", required=True, help="Reference of the reviewer in their organisation; no name.")
@click.option("--outcome", required=True, type=click.Choice(_OUTCOMES), help="What was decided.")
@click.option("--answer", required=True, help="Why, in words for the person.")
@click.option("--changes", default="", help="What is different now; with the outcome changed alone.")
@as_json
@pass_session
def answer(
    session: Session, *, name: str, reviewer: str, outcome: str, answer: str, changes: str, json_wanted: bool
) -> None:
    r"""Record what a human has decided about the review NAME, and why.

    \b
    Outcomes:
      upheld      what the ranking said stands
      changed     it does not; --changes says what is different now
      considered  what the person said was considered, and nothing had to be decided

    \b
    Example:
      careweave --role manager --organisation organisations/a-trust reviews answer people/…/reviews/… --reviewer hr-7 \
        --outcome changed --answer "The ranking did not know of the nights." --changes "You are invited."
    """
    message = pb.AnswerReviewRequest(
        name=name,
        reviewer_reference=reviewer,
        outcome=pb.ReviewOutcome.Value(f"REVIEW_OUTCOME_{_upper(outcome)}"),
        answer=answer,
        changes=changes,
    )
    _print(run(_call(session, lambda services: services.matching.AnswerReview(message))), json_wanted=json_wanted)


@reviews.command
@click.argument("name")
@as_json
@pass_session
def withdraw(session: Session, *, name: str, json_wanted: bool) -> None:
    r"""Take the review NAME back; the person alone can.

    \b
    Example:
      careweave --as people/k3v9... reviews withdraw people/k3v9.../reviews/p2x8...
    """
    message = pb.WithdrawReviewRequest(name=name)
    _print(run(_call(session, lambda services: services.matching.WithdrawReview(message))), json_wanted=json_wanted)


async def _call(session: Session, ask: Callable[[Channels], Awaitable[_Reply]]) -> _Reply:
    async with reach(session) as services:
        return await ask(services)


def _upper(choice: str) -> str:
    return choice.replace("-", "_").upper()


def _print(found: pb.DecisionReview, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(found)
    else:
        OUT.print(review(found))

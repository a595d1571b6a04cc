"""What is done to tokens: revoking them, and those of a trial."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from careweave.errors import FailedPrecondition
from careweave.events.port import EventLog
from careweave.identity.claims import digest_of
from careweave.identity.revocations import Revocations
from careweave.identity.signing import Issued, OwnIssuer
from careweave.identity.trial import trial_caller
from careweave.policy import Action, Caller, Resource, authorise


@dataclass(frozen=True, slots=True)
class Ports:
    """What the use-cases stand on. trial: None unless this server runs as a trial."""

    revocations: Revocations
    events: EventLog
    trial: OwnIssuer | None
    clock: Callable[[], datetime]
    new_id: Callable[[], str]


async def revoke_tokens(ports: Ports, caller: Caller, *, jti: str, subject: str) -> datetime:
    """Refuse the token `jti`, else all tokens of `subject` that were issued until now; returns when that is.

    Raises:
        Forbidden: the caller may not.
        Unavailable: the event log does not answer; then nothing is revoked.
    """
    authorise(caller, Action.REVOKE_TOKENS, Resource(person=subject if subject.startswith("people/") else ""))
    now = ports.clock()
    digest = digest_of("jti", jti) if jti else digest_of("subject", subject)
    await ports.revocations.until_known()
    event = ports.revocations.event(digest, now, ports.new_id())
    await ports.events.append([event])
    ports.revocations.take(event)
    return now


def rotate_trial_key(ports: Ports, caller: Caller, *, withdraw: bool) -> str:
    """Sign trial tokens with a new key and return its id.

    Raises:
        Forbidden: the caller may not.
        FailedPrecondition: this is no trial.
    """
    authorise(caller, Action.ROTATE_TRIAL_KEY)
    return _trial(ports).rotate(withdraw=withdraw)


def issue_trial_token(ports: Ports, role: str, subject: str, organisation: str) -> Issued:
    """Return a token for whoever is asked for, without asking who asks.

    Raises:
        FailedPrecondition: this is no trial.
        InvalidArgument: there is no such caller.
    """
    return _trial(ports).issue(trial_caller(role, subject, organisation))


def _trial(ports: Ports) -> OwnIssuer:
    if ports.trial is None:
        raise FailedPrecondition(
            "This server is no trial and issues no tokens. Get one from your issuer and put it into the file that "
            "CAREWEAVE_TOKEN_FILE names, or give it to careweave.client.connect(token=…).",
            reason="NOT_A_TRIAL",
        )
    return ports.trial

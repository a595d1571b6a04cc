"""kafka-python's errors in terms of `careweave.errors`."""

import ssl
from dataclasses import dataclass
from typing import Final

from kafka import errors

from careweave.errors import CareweaveError, Exhausted, FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.port import POSITIONS_LOST

FAILURES: Final = (
    errors.KafkaError,
    OSError,
    # When an argument cannot be used, and when a client is used while it closes.
    ValueError,
    TypeError,
    RuntimeError,
)
"""What kafka-python raises."""

LOST_SHARE: Final = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.RebalanceInProgressError,
    errors.UnknownMemberIdError,
)
"""What it raises when a group shares its partitions out anew."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    error: type[CareweaveError]
    reason: str
    says: str
    kinds: tuple[type[Exception], ...]


_MEANINGS: Final = (
    _Meaning(
        FailedPrecondition,
        "EVENTS_LOGIN_REFUSED",
        "the event log refuses the login; check CAREWEAVE_EVENTS_USER, …_PASSWORD_FILE and …_MECHANISM",
        (errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError),
    ),
    _Meaning(
        FailedPrecondition,
        "EVENTS_CERTIFICATE_REFUSED",
        "the event log's certificate does not hold; check CAREWEAVE_EVENTS_CA_FILE",
        (ssl.SSLError,),
    ),
    _Meaning(
        FailedPrecondition,
        "EVENTS_NOT_ALLOWED",
        "the event log does not allow this to the user of this process; the operator's guide lists the rights it needs",
        (errors.AuthorizationError,),
    ),
    _Meaning(
        Unavailable,
        "TOPIC_MISSING",
        "the event log lacks a topic; `careweave events topics` makes it",
        (errors.UnknownTopicOrPartitionError,),
    ),
    _Meaning(
        FailedPrecondition,
        POSITIONS_LOST,
        "the event log no longer keeps what follows the position, or ends before it; take positions and a snapshot "
        "anew",
        (errors.OffsetOutOfRangeError, errors.LogTruncationError),
    ),
    _Meaning(
        Exhausted,
        "EVENT_TOO_LARGE",
        "the event is larger than the event log takes; ask for less at a time",
        (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError),
    ),
    _Meaning(
        FailedPrecondition,
        "EVENTS_MISCONFIGURED",
        "the event log cannot be used as the settings say",
        (errors.KafkaConfigurationError, errors.UnsupportedVersionError, errors.IncompatibleBrokerVersion),
    ),
    _Meaning(
        InvalidArgument,
        "EVENT_REFUSED",
        "the event log refuses this",
        (
            errors.InvalidTopicError,
            errors.InvalidPartitionsError,
            errors.InvalidReplicationFactorError,
            errors.InvalidConfigurationError,
            ValueError,
            TypeError,
        ),
    ),
)
_ELSE: Final = _Meaning(Unavailable, "EVENTS_UNAVAILABLE", "the event log does not answer", (Exception,))
_TELLING: Final = frozenset({"EVENTS_MISCONFIGURED", "EVENT_REFUSED", "EVENTS_UNAVAILABLE", POSITIONS_LOST})
"""Reasons whose message needs the client's own words."""


def translate(error: Exception, doing: str) -> CareweaveError:
    """Return what `error`, raised by kafka-python while `doing`, means to a caller."""
    meaning = next((each for each in _MEANINGS if isinstance(error, each.kinds)), _ELSE)
    words = f" ({' '.join(str(error).split())[:400]})" if meaning.reason in _TELLING else ""
    return meaning.error(f"{doing}: {meaning.says}{words}", meaning.reason)

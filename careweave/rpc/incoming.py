"""What a servicer gets of a stream that a client sends: each message, or why it cannot be taken."""

from dataclasses import dataclass

from google.protobuf.message import Message

from careweave.errors import CareweaveError


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be taken, in its place in the stream; what follows may be right.

    message: as it was read; None if it could not be.
    """

    message: Message | None
    error: CareweaveError

"""What goes into the audit trail of one call."""

from typing import Final

from careweave.audit.asked import begin
from careweave.audit.trail import AuditTrail, Outcome
from careweave.errors import CareweaveError, Forbidden, Unavailable
from careweave.policy import PUBLIC, Caller, Role
from careweave.v1.audit_pb2 import AUDIT_OUTCOME_DONE, AUDIT_OUTCOME_FAILED, AUDIT_OUTCOME_REFUSED

_UNNAMED: Final = Caller("", Role.SERVICE)


class UnaskedError(Exception):
    """A use-case answered without having asked the policy."""


class AccessRecord:
    """The record of one call, from its beginning.

    caller: who makes it, as soon as that is known.

    Calls of other services are not recorded: what they hand on is recorded where they do so. Nor are actions
    that concern nobody in particular.
    """

    __slots__ = ("_asked", "_audit", "_rpc", "caller")

    def __init__(self, audit: AuditTrail, rpc: str) -> None:
        """Begin a note of what the call asks."""
        self._audit = audit
        self._rpc = rpc
        self._asked = begin()
        self.caller = _UNNAMED

    async def room(self, *, changes_permission: bool) -> None:
        """Return when the call may go on.

        Raises:
            Unavailable: it changes a permission, and the trail cannot be written now.
        """
        if changes_permission and self._audit.broken:
            raise Unavailable(
                "The audit trail cannot be written at present, and this must not happen without a record; try again "
                "in a moment.",
                reason="AUDIT_UNAVAILABLE",
            )
        if self._audit.full:
            await self._audit.room()

    async def done(self, *, changes_permission: bool) -> None:
        """Record that the call was done; returns when that is durable if it changes a permission.

        Raises:
            UnaskedError: the policy was not asked.
            Unavailable, Exhausted: it is done, and its record is not durable yet.
        """
        if not self._asked.action:
            raise UnaskedError
        self._record(AUDIT_OUTCOME_DONE)
        self._asked.action = ""  # recorded, whatever becomes of writing it
        if changes_permission:
            await self._audit.flush()

    async def part(self) -> None:
        """Record what a stream has asked or touched since its last reply, if anything.

        Raises:
            UnaskedError: the policy was not asked.
        """
        if not self._asked.action:
            raise UnaskedError
        if self._asked.people:
            self._record(AUDIT_OUTCOME_DONE)
            self._asked.people = {}
            if self._audit.full:
                await self._audit.room()

    def failed(self, error: Exception) -> None:
        """Record that the call was refused or failed, if it came as far as a caller."""
        refused = isinstance(error, Forbidden)
        if refused and not self._asked.action:
            self._asked.action = self._rpc  # the role alone was refused
        if self._asked.action and isinstance(error, CareweaveError):
            self._record(AUDIT_OUTCOME_REFUSED if refused else AUDIT_OUTCOME_FAILED)

    def given_up(self) -> None:
        """Record that the client left, or the server stopped, before the answer: what was asked may have been done."""
        if self._asked.action and self._asked.people:
            self._record(AUDIT_OUTCOME_FAILED)

    def _record(self, outcome: Outcome) -> None:
        if self.caller.role is not Role.SERVICE and (self._asked.people or self._asked.action not in PUBLIC):
            self._audit.record(self.caller, self._asked, outcome)

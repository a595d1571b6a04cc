"""Which roles may call an RPC at all, as a method option in the protos declares; see `access.proto`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import Default

from careweave.policy import Caller, Role, refusal
from careweave.v1 import access_pb2

ROLES: Final[Mapping["access_pb2.CallerRole.ValueType", Role]] = {
    access_pb2.CALLER_ROLE_PERSON: Role.PERSON,
    access_pb2.CALLER_ROLE_MANAGER: Role.MANAGER,
    access_pb2.CALLER_ROLE_RECRUITER: Role.RECRUITER,
    access_pb2.CALLER_ROLE_HR_FEED: Role.HR_FEED,
    access_pb2.CALLER_ROLE_PLANNER: Role.PLANNER,
    access_pb2.CALLER_ROLE_EQUALITY_OFFICER: Role.EQUALITY_OFFICER,
    access_pb2.CALLER_ROLE_OPERATOR: Role.OPERATOR,
    access_pb2.CALLER_ROLE_SERVICE: Role.SERVICE,
}
"""From `careweave.v1.CallerRole`."""
NUMBERS: Final[Mapping[Role, "access_pb2.CallerRole.ValueType"]] = {role: number for number, role in ROLES.items()}
"""To `careweave.v1.CallerRole`."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an RPC.

    roles: these and no others; none if it declares none.
    changes_permission: whether it changes who may see what, or takes something away for good.
    bulk: whether it takes much at once.
    anybody: whether it may be called without saying who calls.
    """

    roles: frozenset[Role]
    changes_permission: bool
    bulk: bool
    anybody: bool


def declared_access(method: MethodDescriptor) -> Access:
    """Return what `method` declares."""
    declared = method.GetOptions().Extensions[access_pb2.access]
    roles = frozenset(Role) if declared.every_role else frozenset(ROLES[role] for role in declared.roles)
    return Access(roles, declared.changes_permission, declared.bulk, declared.anybody)


def access_of(path: str) -> Access:
    """Return what the RPC at `path`, for example `/careweave.v1.SkillsService/GetSkill`, declares.

    Raises:
        KeyError: no proto of this process has such a method.
    """
    service, _, rpc = path.removeprefix("/").rpartition("/")
    return declared_access(Default().FindServiceByName(service).methods_by_name[rpc])


def admit(caller: Caller, roles: frozenset[Role], rpc: str) -> None:
    """Return if `caller` is in one of `roles`.

    The server asks this before a request is read, so that a role without any grant learns nothing from
    field errors (AIP-211). The use-case still asks `careweave.policy.authorise`.

    Raises:
        Forbidden: otherwise.
    """
    if caller.role not in roles:
        raise refusal(caller.role, rpc)

"""Which roles may call an RPC at all, as a method option in the protos declares; see `access.proto`."""

from collections.abc import Mapping
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


def declared_roles(method: MethodDescriptor) -> frozenset[Role]:
    """Return the roles that may call `method`; none if it declares none."""
    access = method.GetOptions().Extensions[access_pb2.access]
    if access.every_role:
        return frozenset(Role)
    return frozenset(ROLES[role] for role in access.roles)


def roles_of(path: str) -> frozenset[Role]:
    """Return the roles that may call the RPC at `path`, for example `/careweave.v1.SkillsService/GetSkill`.

    None if it declares none.

    Raises:
        KeyError: no proto of this process has such a method.
    """
    return declared_roles(_method(path))


def for_anybody(path: str) -> bool:
    """Tell whether the RPC at `path` may be called without saying who calls.

    Raises:
        KeyError: as `roles_of`.
    """
    return bool(_method(path).GetOptions().Extensions[access_pb2.access].anybody)


def admit(caller: Caller, roles: frozenset[Role], rpc: str) -> None:
    """Return if `caller` is in one of `roles`.

    The server asks this before a request is read, so that a role without any grant learns nothing from
    field errors (AIP-211). The use-case still asks `careweave.policy.authorise`.

    Raises:
        Forbidden: otherwise.
    """
    if caller.role not in roles:
        raise refusal(caller.role, rpc)


def _method(path: str) -> MethodDescriptor:
    service, _, rpc = path.removeprefix("/").rpartition("/")
    return Default().FindServiceByName(service).methods_by_name[rpc]

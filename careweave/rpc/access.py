"""Which roles may call an RPC at all, as a method option in the protos declares; see `access.proto`."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import Default

from careweave.policy import Caller, Role, refusal
from careweave.v1 import access_pb2

_ROLES: Final[Mapping[int, Role]] = {
    access_pb2.CALLER_ROLE_PERSON: Role.PERSON,
    access_pb2.CALLER_ROLE_MANAGER: Role.MANAGER,
    access_pb2.CALLER_ROLE_RECRUITER: Role.RECRUITER,
    access_pb2.CALLER_ROLE_HR_FEED: Role.HR_FEED,
    access_pb2.CALLER_ROLE_PLANNER: Role.PLANNER,
    access_pb2.CALLER_ROLE_EQUALITY_OFFICER: Role.EQUALITY_OFFICER,
    access_pb2.CALLER_ROLE_OPERATOR: Role.OPERATOR,
    access_pb2.CALLER_ROLE_SERVICE: Role.SERVICE,
}


def declared_roles(method: MethodDescriptor) -> frozenset[Role]:
    """Return the roles that may call `method`; none if it declares none."""
    access = method.GetOptions().Extensions[access_pb2.access]
    if access.every_role:
        return frozenset(Role)
    return frozenset(_ROLES[role] for role in access.roles)


def roles_of(path: str) -> frozenset[Role]:
    """Return the roles that may call the RPC at `path`, for example `/careweave.v1.SkillsService/GetSkill`.

    None if it declares none.

    Raises:
        KeyError: no proto of this process has such a method.
    """
    service, _, rpc = path.removeprefix("/").rpartition("/")
    return declared_roles(Default().FindServiceByName(service).methods_by_name[rpc])


def admit(caller: Caller, roles: frozenset[Role], rpc: str) -> None:
    """Return if `caller` is in one of `roles`.

    The server asks this before a request is read, so that a role without any grant learns nothing from
    field errors (AIP-211). The use-case still asks `careweave.policy.authorise`.

    Raises:
        Forbidden: otherwise.
    """
    if caller.role not in roles:
        raise refusal(caller.role, rpc)

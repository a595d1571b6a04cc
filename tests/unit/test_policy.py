import pytest
from google.protobuf.descriptor import MethodDescriptor

from careweave.errors import Forbidden
from careweave.policy import ANYTHING, GRANTS, Action, Caller, Resource, Role, Scope, authorise, may
from careweave.rpc.access import admit, declared_access
from careweave.v1 import access_service_pb2, matching_pb2, planning_pb2, profiles_pb2, skills_pb2

ANNA = Caller("people/anna", Role.PERSON)
RECRUITER = Caller("organisations/one", Role.RECRUITER, "organisations/one")
METHODS = [
    method
    for file in (skills_pb2, profiles_pb2, matching_pb2, planning_pb2, access_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if not declared_access(method).anybody
]


def test_every_rpc_has_an_action_and_every_action_its_grants() -> None:
    assert {action.partition(":")[0] for action in Action} == {method.name for method in METHODS}
    assert set(GRANTS) == set(Action)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_proto_declares_the_roles_that_are_granted_something(method: MethodDescriptor) -> None:
    """The server lets a role use an RPC if any of its actions is granted; what declares nothing is closed to all."""
    granted = {role for action in Action if action.partition(":")[0] == method.name for role in GRANTS[action]}
    assert declared_access(method).roles == granted


def test_a_person_acts_on_their_own_alone() -> None:
    assert may(ANNA, Action.FIND_OPPORTUNITIES, Resource(person="people/anna"))
    assert not may(ANNA, Action.FIND_OPPORTUNITIES, Resource(person="people/ben"))
    assert not may(ANNA, Action.FIND_OPPORTUNITIES, ANYTHING)


def test_a_recruiter_acts_on_opportunities_of_their_own_organisation_alone() -> None:
    assert may(RECRUITER, Action.FIND_CANDIDATES, Resource(organisation="organisations/one"))
    assert not may(RECRUITER, Action.FIND_CANDIDATES, Resource(organisation="organisations/two"))


def test_no_name_is_nobodys_own() -> None:
    """A caller without subject or organisation does not own what has none either."""
    assert not may(Caller("", Role.PERSON), Action.GET_PERSON, Resource())
    assert not may(Caller("", Role.RECRUITER), Action.CLOSE_OPPORTUNITY, Resource())


@pytest.mark.parametrize("role", [Role.HR_FEED, Role.PLANNER, Role.RECRUITER, Role.MANAGER])
def test_nobody_but_the_person_and_who_runs_the_place_reads_a_profile(role: Role) -> None:
    caller = Caller("organisations/one", role, "organisations/one")
    about = Resource(person="people/anna", organisation="organisations/one")
    for action in (Action.GET_PERSON, Action.LIST_PEOPLE, Action.BATCH_GET_PERSON_SNAPSHOTS):
        assert not may(caller, action, about)


def test_nobody_vouches_for_themselves() -> None:
    assert not may(ANNA, Action.ENDORSE_SKILL, Resource(person="people/anna"))


def test_either_side_declines_but_only_the_employer_appoints() -> None:
    about = Resource(person="people/anna", organisation="organisations/one")
    assert may(ANNA, Action.DECLINE, about)
    assert may(RECRUITER, Action.DECLINE, about)
    assert not may(ANNA, Action.RECORD_OUTCOME, about)


def test_taxonomy_places_organisations_and_opportunities_are_open_to_all() -> None:
    for role in Role:
        for action in (Action.SEARCH_SKILLS, Action.GET_PLACE, Action.GET_ORGANISATION, Action.GET_OPPORTUNITY):
            assert GRANTS[action][role] is Scope.ALL


def test_a_refusal_is_worded_alike_whether_or_not_the_resource_exists() -> None:
    refusals = set()
    for resource in (Resource(person="people/ben"), ANYTHING):
        with pytest.raises(Forbidden) as caught:
            authorise(ANNA, Action.GET_PERSON, resource)
        refusals.add((caught.value.message, caught.value.reason))
    assert len(refusals) == 1


def test_an_rpc_is_closed_to_a_role_that_it_does_not_declare() -> None:
    admit(ANNA, frozenset({Role.PERSON}), "FindOpportunities")
    for roles in (frozenset({Role.OPERATOR}), frozenset[Role]()):
        with pytest.raises(Forbidden):
            admit(ANNA, roles, "FindOpportunities")

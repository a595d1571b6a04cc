"""The ProfilesService over gRPC: requests to use-cases, results to replies, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from careweave.events.port import EventLog
from careweave.rpc.caller import caller_of
from careweave.rpc.incoming import Refused
from careweave.rpc.paging import SIZE_FIELD, decode_token, encode_token, page
from careweave.v1 import audit_pb2, common_pb2, hr_pb2
from careweave.v1 import profiles_pb2 as pb
from careweave.v1.profiles_pb2_grpc import ProfilesServiceServicer
from careweave_profiles import (
    accesses,
    consents,
    exchange,
    export,
    loading,
    people,
    pseudonyms,
    registers,
    retention,
    skills,
    snapshots,
    versions,
)
from careweave_profiles.feeds.applying import Feeds
from careweave_profiles.feeds.codes import confirm_employment, issue_code
from careweave_profiles.feeds.unresolved import list_unresolved
from careweave_profiles.hubs import HUBS
from careweave_profiles.organisations import ORGANISATIONS
from careweave_profiles.places import PLACES
from careweave_profiles.ports import Ports

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
_Listing: TypeAlias = (
    pb.ListPeopleRequest
    | pb.ListOrganisationsRequest
    | pb.ListPlacesRequest
    | pb.ListHubsRequest
    | hr_pb2.ListUnresolvedSkillsRequest
    | audit_pb2.ListRecordedAccessesRequest
)

_PAGE = 50
_LONGEST_PAGE = 1000


class ProfilesServicer(ProfilesServiceServicer):
    """Answers the RPCs of ProfilesService.

    token_key: signs page tokens.
    """

    def __init__(self, feeds: Feeds, events: EventLog, token_key: bytes) -> None:
        """Answer from the ports of `feeds`, and take HR updates in by it.

        events: whence the audit trail is read, and what is kept no longer than the rules say.
        """
        self._feeds = feeds
        self._events = events
        self._ports: Ports = feeds.ports
        self._token_key = token_key

    async def CreatePerson(self, request: pb.CreatePersonRequest, context: Context) -> pb.Person:
        """Create a person."""
        return await people.create_person(self._ports, caller_of(context), request)

    async def GetPerson(self, request: pb.GetPersonRequest, context: Context) -> pb.Person:
        """Return a person."""
        return await people.get_person(self._ports, caller_of(context), request)

    async def ListPeople(self, request: pb.ListPeopleRequest, context: Context) -> pb.ListPeopleResponse:
        """Return a page of people."""
        after, limit = self._page(request)
        found, place = await people.list_people(self._ports, caller_of(context), request.organisation, after, limit)
        return pb.ListPeopleResponse(people=found, next_page_token=self._token(request, place))

    async def UpdatePerson(self, request: pb.UpdatePersonRequest, context: Context) -> pb.Person:
        """Change a person."""
        return await people.update_person(self._ports, caller_of(context), request)

    async def DeletePerson(self, request: pb.DeletePersonRequest, context: Context) -> Empty:
        """Delete a person."""
        await people.delete_person(self._ports, caller_of(context), request)
        return Empty()

    async def ErasePerson(self, request: pb.ErasePersonRequest, context: Context) -> pb.ErasePersonResponse:
        """Erase a person, or say what that would do."""
        return await people.erase_person(self._ports, caller_of(context), request)

    async def ExportPerson(
        self, request: common_pb2.ExportPersonRequest, context: Context
    ) -> AsyncIterator[common_pb2.PersonSection]:
        """Return all that is held about a person."""
        async for section in export.export_person(self._ports, self._events, caller_of(context), request):
            yield section

    async def ApplyRetention(
        self, request: common_pb2.ApplyRetentionRequest, context: Context
    ) -> common_pb2.ApplyRetentionResponse:
        """Remove what is older than its rule."""
        return await retention.apply_retention(self._ports, self._events, caller_of(context), request)

    async def AssertSkill(self, request: pb.AssertSkillRequest, context: Context) -> pb.Person:
        """Record a skill."""
        return await skills.assert_skill(self._ports, caller_of(context), request)

    async def EndorseSkill(self, request: pb.EndorseSkillRequest, context: Context) -> pb.Person:
        """Record an endorsement."""
        return await skills.endorse_skill(self._ports, caller_of(context), request)

    async def GiveConsent(self, request: pb.GiveConsentRequest, context: Context) -> pb.Consent:
        """Record a consent."""
        return await consents.give_consent(self._ports, caller_of(context), request)

    async def WithdrawConsent(self, request: pb.WithdrawConsentRequest, context: Context) -> pb.Consent:
        """Withdraw a consent."""
        return await consents.withdraw_consent(self._ports, caller_of(context), request)

    async def BatchGetPersonSnapshots(
        self, request: pb.BatchGetPersonSnapshotsRequest, context: Context
    ) -> pb.BatchGetPersonSnapshotsResponse:
        """Return the people asked for."""
        return await snapshots.batch_get(self._ports, caller_of(context), request)

    async def GetPersonVersion(self, request: pb.GetPersonVersionRequest, context: Context) -> pb.Person:
        """Return a version of a person."""
        return await versions.get(self._ports, caller_of(context), request)

    async def StreamPersonSnapshots(
        self, request: pb.StreamPersonSnapshotsRequest, context: Context
    ) -> AsyncIterator[pb.StreamPersonSnapshotsResponse]:
        """Stream everyone."""
        async for found in snapshots.stream(self._ports, caller_of(context)):
            yield pb.StreamPersonSnapshotsResponse(people=found)

    async def BatchCreatePeople(
        self, request: pb.BatchCreatePeopleRequest, context: Context
    ) -> pb.BatchCreatePeopleResponse:
        """Create many people."""
        return await loading.batch_create_people(self._ports, caller_of(context), request)

    async def StreamProfileUpdates(
        self, request_iterator: AsyncIterator[hr_pb2.StreamProfileUpdatesRequest | Refused], context: Context
    ) -> AsyncIterator[hr_pb2.StreamProfileUpdatesResponse]:
        """Take in an HR feed."""
        async for reply in exchange.replies(self._feeds, caller_of(context), request_iterator):
            yield reply

    async def IssueEmploymentCode(
        self, request: hr_pb2.IssueEmploymentCodeRequest, context: Context
    ) -> hr_pb2.EmploymentCode:
        """Make a code for the person of a record."""
        return await issue_code(self._feeds, caller_of(context), request)

    async def ConfirmEmployment(self, request: hr_pb2.ConfirmEmploymentRequest, context: Context) -> pb.Person:
        """Join a record to a person."""
        return await confirm_employment(self._feeds, caller_of(context), request)

    async def ListUnresolvedSkills(
        self, request: hr_pb2.ListUnresolvedSkillsRequest, context: Context
    ) -> hr_pb2.ListUnresolvedSkillsResponse:
        """Return a page of what is not in the taxonomy."""
        after, limit = self._page(request)
        found, place = await list_unresolved(self._ports, caller_of(context), request, after, limit)
        return hr_pb2.ListUnresolvedSkillsResponse(unresolved_skills=found, next_page_token=self._token(request, place))

    async def ListRecordedAccesses(
        self, request: audit_pb2.ListRecordedAccessesRequest, context: Context
    ) -> audit_pb2.ListRecordedAccessesResponse:
        """Return a page of accesses to what is held about a person."""
        after, limit = self._page(request)
        found, place = await accesses.list_accesses(
            self._ports, self._events, caller_of(context), request, after=after, limit=limit
        )
        return audit_pb2.ListRecordedAccessesResponse(accesses=found, next_page_token=self._token(request, place))

    async def BatchGetAuditPseudonyms(
        self, request: audit_pb2.BatchGetAuditPseudonymsRequest, context: Context
    ) -> audit_pb2.BatchGetAuditPseudonymsResponse:
        """Return by which pseudonyms the audit trail knows people."""
        found = await pseudonyms.batch_get(self._ports, caller_of(context), request.names)
        return audit_pb2.BatchGetAuditPseudonymsResponse(pseudonyms=found)

    async def UpdateOrganisation(self, request: pb.UpdateOrganisationRequest, context: Context) -> pb.Organisation:
        """Create or change an organisation."""
        return await registers.update(
            self._ports,
            caller_of(context),
            ORGANISATIONS,
            request.organisation,
            request.update_mask,
            allow_missing=request.allow_missing,
        )

    async def GetOrganisation(self, request: pb.GetOrganisationRequest, context: Context) -> pb.Organisation:
        """Return an organisation."""
        return await registers.get(self._ports, caller_of(context), ORGANISATIONS, request.name)

    async def ListOrganisations(
        self, request: pb.ListOrganisationsRequest, context: Context
    ) -> pb.ListOrganisationsResponse:
        """Return a page of organisations."""
        after, limit = self._page(request)
        found, place = await registers.list_entries(
            self._ports, caller_of(context), ORGANISATIONS, after, limit, sector=request.sector
        )
        return pb.ListOrganisationsResponse(organisations=found, next_page_token=self._token(request, place))

    async def UpdatePlace(self, request: pb.UpdatePlaceRequest, context: Context) -> pb.Place:
        """Create or change a place."""
        return await registers.update(
            self._ports,
            caller_of(context),
            PLACES,
            request.place,
            request.update_mask,
            allow_missing=request.allow_missing,
        )

    async def GetPlace(self, request: pb.GetPlaceRequest, context: Context) -> pb.Place:
        """Return a place."""
        return await registers.get(self._ports, caller_of(context), PLACES, request.name)

    async def ListPlaces(self, request: pb.ListPlacesRequest, context: Context) -> pb.ListPlacesResponse:
        """Return a page of places."""
        after, limit = self._page(request)
        found, place = await registers.list_entries(self._ports, caller_of(context), PLACES, after, limit)
        return pb.ListPlacesResponse(places=found, next_page_token=self._token(request, place))

    async def UpdateHub(self, request: pb.UpdateHubRequest, context: Context) -> pb.Hub:
        """Create or change a hub."""
        return await registers.update(
            self._ports,
            caller_of(context),
            HUBS,
            request.hub,
            request.update_mask,
            allow_missing=request.allow_missing,
        )

    async def GetHub(self, request: pb.GetHubRequest, context: Context) -> pb.Hub:
        """Return a hub."""
        return await registers.get(self._ports, caller_of(context), HUBS, request.name)

    async def ListHubs(self, request: pb.ListHubsRequest, context: Context) -> pb.ListHubsResponse:
        """Return a page of hubs."""
        after, limit = self._page(request)
        found, place = await registers.list_entries(self._ports, caller_of(context), HUBS, after, limit)
        return pb.ListHubsResponse(hubs=found, next_page_token=self._token(request, place))

    def _page(self, request: _Listing) -> tuple[str, int]:
        """Return the name after which the page begins, and its size."""
        return decode_token(self._token_key, request), page(request, SIZE_FIELD, _PAGE, _LONGEST_PAGE)

    def _token(self, request: _Listing, place: str) -> str:
        return encode_token(self._token_key, request, place) if place else ""

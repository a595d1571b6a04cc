"""Whom the demo is about, by a rule that anyone can check."""

from collections.abc import AsyncIterator
from typing import Final

from careweave.errors import NotFound
from careweave.rpc.channels import Channels
from careweave.v1 import profiles_pb2, skills_pb2

HOME: Final = "places/CW7"
OCCUPATION: Final = "care at home worker"
RULE: Final = f"the first, in order of resource name, who lives in Winsford (CW7) and works as {OCCUPATION} (ESCO)"


async def a_home_care_worker(services: Channels) -> profiles_pb2.Person:
    """Return the person of `RULE`.

    Raises:
        NotFound: there is none; the sample place is not loaded.
    """
    occupation = await _occupation(services)
    async for person in _people(services):
        current = [employment for employment in person.employments if not employment.HasField("end_date")]
        if person.place == HOME and any(employment.occupation == occupation for employment in current):
            return person
    raise NotFound("No home care worker of Winsford is there. Load the sample: careweave load sample", "SAMPLE_MISSING")


async def _occupation(services: Channels) -> str:
    found = await services.skills.SearchOccupations(skills_pb2.SearchOccupationsRequest(query=OCCUPATION, page_size=10))
    for hit in found.hits:
        if hit.occupation.label == OCCUPATION:
            return hit.occupation.name
    raise NotFound(f"ESCO's {OCCUPATION} is not there. Load the taxonomies: careweave load all", "TAXONOMY_MISSING")


async def _people(services: Channels) -> AsyncIterator[profiles_pb2.Person]:
    token = ""
    while True:
        reply = await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest(page_size=1000, page_token=token))
        for person in reply.people:
            yield person
        token = reply.next_page_token
        if not token:
            return

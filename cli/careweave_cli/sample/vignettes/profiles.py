"""Turning a vignette's person into a profile of the sample place."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from careweave.v1 import common_pb2, profiles_pb2
from careweave_cli.sample.calendar import as_message, months_before
from careweave_cli.sample.catalogue import Catalogue
from careweave_cli.sample.geography import miles_between, place_of
from careweave_cli.sample.records import Employer, employers
from careweave_cli.sample.vignettes.stories import Story

ID_PREFIX: Final = "vignette-"


def person_id(story: Story) -> str:
    """Return the id under which the person of `story` is created for the time of the run."""
    return ID_PREFIX + story.key


def make_person(story: Story, catalogue: Catalogue, today: date) -> profiles_pb2.Person:
    """Return the person of `story`, with dates counted back from `today`.

    Raises:
        NotFound: a skill or occupation has no such label.
        ValueError: a level, source, kind or mode is not one of the words of the protos.
    """
    given = story.person
    wishes = {key: given[key] for key in _PLAIN_WISHES if key in given}
    return profiles_pb2.Person(
        name=f"people/{person_id(story)}",
        display_name=story.title[:200],
        place=place_of(given["place"]),
        employments=[_employment(row, given["place"], catalogue, today) for row in given.get("employments", ())],
        skills=[skill for row in given.get("skills", ()) for skill in _skills(row, catalogue, today)],
        credentials=[_credential(row, today) for row in given.get("credentials", ())],
        preferences=profiles_pb2.Preferences(
            kinds=[
                common_pb2.OpportunityKind.Value(f"OPPORTUNITY_KIND_{kind.upper()}") for kind in given.get("kinds", ())
            ],
            travel_mode=common_pb2.TravelMode.Value(f"TRAVEL_MODE_{given['travel_mode'].upper()}"),
            aspiration=" ".join(given["aspiration"].split()),
            aspired_occupations=[catalogue.occupation(label) for label in given["aspired_occupations"]],
            **wishes,
        ),
        fictional=True,
    )


_PLAIN_WISHES: Final = ("minimum_weekly_hours", "maximum_weekly_hours", "maximum_travel_minutes", "unsocial_hours")


def _employment(row: Mapping[str, Any], home: str, catalogue: Catalogue, today: date) -> profiles_pb2.Employment:
    employment = profiles_pb2.Employment(
        organisation=_nearest(row["sector"], home).name,
        occupation=catalogue.occupation(row["occupation"]),
        job_title=row["job_title"],
        pay_band=row.get("pay_band", ""),
        start_date=as_message(months_before(today, row["started_months_ago"])),
        weekly_hours=row["weekly_hours"],
    )
    if "ended_months_ago" in row:
        employment.end_date.CopyFrom(as_message(months_before(today, row["ended_months_ago"])))
    return employment


def _nearest(sector: str, home: str) -> Employer:
    """Return the organisation of `sector` with a site nearest to `home`; of several, the first by key."""
    same = [one for one in employers().values() if one.sector == sector]
    return min(same, key=lambda one: (min(miles_between(site, home) for site in one.at), one.key))


def _skills(row: Mapping[str, Any], catalogue: Catalogue, today: date) -> list[profiles_pb2.PersonSkill]:
    level = row.get("level", "unspecified")
    found = []
    for label in row["labels"]:
        skill = profiles_pb2.PersonSkill(
            skill=catalogue.skill(label).name,
            proficiency=common_pb2.Proficiency.Value(f"PROFICIENCY_{level.upper()}"),
            source=profiles_pb2.Source.Value(f"SOURCE_{row['source'].upper()}"),
            evidence=row.get("evidence", ""),
        )
        for key, field in (("effective_months_ago", skill.effective_date), ("expired_months_ago", skill.expire_date)):
            if key in row:
                field.CopyFrom(as_message(months_before(today, row[key])))
        found.append(skill)
    return found


def _credential(row: Mapping[str, Any], today: date) -> profiles_pb2.Credential:
    credential = profiles_pb2.Credential(
        kind=common_pb2.CredentialKind.Value(f"CREDENTIAL_KIND_{row['kind'].upper()}"),
        title=row.get("title", ""),
        dbs_level=common_pb2.DbsLevel.Value(f"DBS_LEVEL_{row.get('level', 'unspecified').upper()}"),
        update_service=row.get("update_service", False),
    )
    if "issued_months_ago" in row:
        credential.issue_date.CopyFrom(as_message(months_before(today, row["issued_months_ago"])))
    if "expires_in_months" in row:
        credential.expire_date.CopyFrom(as_message(months_before(today, -row["expires_in_months"])))
    return credential

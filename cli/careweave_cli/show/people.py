"""A person in a few lines."""

from collections.abc import Mapping
from typing import Final

from rich.text import Text

from careweave.v1 import common_pb2, profiles_pb2
from careweave_cli.show.words import plural, word

_EXAMPLES: Final = 5


def portrait(person: profiles_pb2.Person, titles: Mapping[str, str]) -> Text:
    """Return who somebody is, what they can do and what they look for.

    titles: of places and organisations by resource name, as far as they are known.
    """
    wishes = person.preferences
    home = titles.get(person.place, person.place)
    lines = [
        f"{person.display_name or person.name}, {home}{' (fictional)' if person.fictional else ''}",
        _work(person, titles),
        f"{plural(len(person.skills), 'skill')}: {_examples(person)}",
        f"holds {', '.join(_credential(each) for each in person.credentials) or 'no credential that is known'}",
        f"{_travel(wishes)}; looks for {_hours(wishes)}",
    ]
    if wishes.aspiration:
        lines.append(f"“{wishes.aspiration}”")
    return Text("\n".join(lines))


def current(person: profiles_pb2.Person) -> list[profiles_pb2.Employment]:
    """Return the employments that go on."""
    return [employment for employment in person.employments if not employment.HasField("end_date")]


def _work(person: profiles_pb2.Person, titles: Mapping[str, str]) -> str:
    jobs = [
        f"{job.job_title or job.occupation} at {titles.get(job.organisation, job.organisation)}"
        for job in current(person)
    ]
    return "; ".join(jobs) or "not employed now"


def _examples(person: profiles_pb2.Person) -> str:
    shortest = sorted((skill.label or skill.skill for skill in person.skills), key=len)
    return ", ".join(shortest[:_EXAMPLES]) + (", …" if len(shortest) > _EXAMPLES else "")


def _credential(credential: profiles_pb2.Credential) -> str:
    names = {
        common_pb2.CREDENTIAL_KIND_DBS: "DBS certificate",
        common_pb2.CREDENTIAL_KIND_RIGHT_TO_WORK: "right to work",
    }
    return names.get(credential.kind) or credential.title or word(common_pb2.CredentialKind, credential.kind)


def _travel(wishes: profiles_pb2.Preferences) -> str:
    mode = word(common_pb2.TravelMode, wishes.travel_mode) or "means not stated"
    return f"travels by {mode}, at most {wishes.maximum_travel_minutes or 60} minutes"


def _hours(wishes: profiles_pb2.Preferences) -> str:
    low, high = wishes.minimum_weekly_hours, wishes.maximum_weekly_hours
    if low and high:
        return f"{low:g} to {high:g} hours a week"
    if high:
        return f"up to {high:g} hours a week"
    return f"{low:g} hours a week or more" if low else "any hours"

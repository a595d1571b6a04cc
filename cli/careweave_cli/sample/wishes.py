"""What fictional people look for: hours, travel, aspirations and consent follow their work and home."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from random import Random
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from careweave.v1 import common_pb2, profiles_pb2
from careweave_cli.sample.calendar import days_after
from careweave_cli.sample.careers import Post
from careweave_cli.sample.catalogue import Catalogue
from careweave_cli.sample.chance import happens, some, spread, weighted
from careweave_cli.sample.geography import rurality_of
from careweave_cli.sample.records import Role, book, roles

BE_FOUND: Final = 0.6
"""Share of people who agree to be found by other organisations."""
_KINDS: Final = tuple(
    number for number in common_pb2.OpportunityKind.values() if number != common_pb2.OPPORTUNITY_KIND_UNSPECIFIED
)
_MODES: Final = {
    profiles_pb2.RURALITY_RURAL: {
        common_pb2.TRAVEL_MODE_CAR: 0.82,
        common_pb2.TRAVEL_MODE_PUBLIC_TRANSPORT: 0.12,
        common_pb2.TRAVEL_MODE_CYCLE: 0.06,
    },
    profiles_pb2.RURALITY_TOWN_AND_FRINGE: {
        common_pb2.TRAVEL_MODE_CAR: 0.68, common_pb2.TRAVEL_MODE_PUBLIC_TRANSPORT: 0.18,
        common_pb2.TRAVEL_MODE_CYCLE: 0.06, common_pb2.TRAVEL_MODE_WALK: 0.08,
    },
    profiles_pb2.RURALITY_URBAN: {
        common_pb2.TRAVEL_MODE_CAR: 0.54, common_pb2.TRAVEL_MODE_PUBLIC_TRANSPORT: 0.28,
        common_pb2.TRAVEL_MODE_CYCLE: 0.08, common_pb2.TRAVEL_MODE_WALK: 0.1,
    },
}  # fmt: skip
_MINUTES: Final = {
    common_pb2.TRAVEL_MODE_CAR: (33, 9),
    common_pb2.TRAVEL_MODE_PUBLIC_TRANSPORT: (50, 12),
    common_pb2.TRAVEL_MODE_CYCLE: (28, 7),
    common_pb2.TRAVEL_MODE_WALK: (27, 6),
}
"""Mean and deviation of the longest journey that people accept, by mode."""
_WHOLE_PROFILE: Final = (
    profiles_pb2.PROFILE_FIELD_SKILLS, profiles_pb2.PROFILE_FIELD_EMPLOYMENT, profiles_pb2.PROFILE_FIELD_CREDENTIALS,
    profiles_pb2.PROFILE_FIELD_PLACE,
)  # fmt: skip


def draw_travel_mode(chance: Random, district: str, posts: Sequence[Post]) -> "common_pb2.TravelMode.ValueType":
    """Return how somebody who lives in `district` travels; a driving job makes a car likely."""
    if posts and happens(chance, posts[0].role.drive * 0.8):
        return common_pb2.TRAVEL_MODE_CAR
    return weighted(chance, _MODES[rurality_of(district)])


def draw_wishes(
    chance: Random, posts: Sequence[Post], mode: "common_pb2.TravelMode.ValueType", catalogue: Catalogue
) -> profiles_pb2.Preferences:
    """Return the preferences of somebody with `posts`, newest first, who travels by `mode`."""
    working = bool(posts) and not posts[0].ended_months_ago
    hours = posts[0].weekly_hours if working else chance.choice((16.0, 20.0, 24.0, 30.0, 37.5))
    mean, deviation = _MINUTES[mode]
    wishes = profiles_pb2.Preferences(
        minimum_weekly_hours=max(0.0, hours - chance.choice((4, 7.5, 10, 14))),
        maximum_weekly_hours=min(40.0, hours + chance.choice((0, 2.5, 7.5))),
        travel_mode=mode,
        maximum_travel_minutes=round(spread(chance, mean, deviation, 10, 90) / 5) * 5,
        alerts=happens(chance, 0.4),
        unsocial_hours=happens(chance, 0.35 + 0.45 * posts[0].role.unsocial if posts else 0.5),
    )
    if happens(chance, 0.25):
        wishes.kinds.extend(sorted(some(chance, _KINDS, chance.randint(2, 5))))
    wishes.aspiration, aims = _aspiration(chance, posts, working=working)
    wishes.aspired_occupations.extend(dict.fromkeys(catalogue.occupation(role.occupation) for role in aims))
    return wishes


def draw_consents(chance: Random, today: date) -> list[profiles_pb2.Consent]:
    """Return the consents of somebody; about three in five may be found by other organisations."""
    found = []
    if happens(chance, BE_FOUND):
        fields = [*_WHOLE_PROFILE] if happens(chance, 0.8) else [profiles_pb2.PROFILE_FIELD_SKILLS]
        if happens(chance, 0.55):
            fields.insert(0, profiles_pb2.PROFILE_FIELD_DISPLAY_NAME)
        found.append(profiles_pb2.Consent(purpose=profiles_pb2.CONSENT_PURPOSE_BE_FOUND, fields=fields))
        if happens(chance, 0.5):
            found[-1].expire_time.CopyFrom(_noon(days_after(today, chance.randint(60, 700))))
    if happens(chance, 0.5):
        found.append(profiles_pb2.Consent(purpose=profiles_pb2.CONSENT_PURPOSE_ALERTS))
    if found and happens(chance, 0.35):
        contact = profiles_pb2.Consent(purpose=profiles_pb2.CONSENT_PURPOSE_CONTACT)
        contact.fields.append(profiles_pb2.PROFILE_FIELD_EMAIL)
        found.append(contact)
    return found


def next_roles(role: Role) -> list[Role]:
    """Return the roles that people often go on to from `role`."""
    return [one for one in roles().values() if role.key in one.before]


def _aspiration(chance: Random, posts: Sequence[Post], *, working: bool) -> tuple[str, list[Role]]:
    """Return aspirations in words, and the roles aimed at."""
    words = book("words")["aspirations"]
    if happens(chance, 0.18):
        return "", []
    if not working:
        return chance.choice(words["back"]), []
    onward = next_roles(posts[0].role)
    mood = weighted(chance, {"stay": 0.3, "up": 0.35 if onward else 0, "across": 0.15 if onward else 0, "learn": 0.2})
    aim = chance.choice(onward) if mood in ("up", "across") else None
    title = chance.choice(aim.titles).rpartition(": ")[2] if aim else ""
    sentence = chance.choice(words[mood]).format(next=f"the work of {article(title)}", a_next=article(title))
    return sentence, [aim] if aim and happens(chance, 0.7) else []


def article(title: str) -> str:
    """Return `title` with its indefinite article."""
    an = title[:1] in "AEIO" or title.startswith("Under")
    return f"{'an' if an else 'a'} {title}" if title else ""


def _noon(day: date) -> Timestamp:
    noon = datetime.combine(day, time(12), UTC)
    return Timestamp(seconds=int(noon.timestamp()))

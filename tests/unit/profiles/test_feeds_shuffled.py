"""However updates are shuffled, doubled and cut into batches, the profiles end as if each had come once, in order."""

from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careweave.policy import Caller, Role
from careweave.v1 import hr_pb2
from careweave.v1.common_pb2 import Proficiency
from careweave.v1.profiles_pb2 import Person, PersonSkill
from tests.unit.profiles.feeding import OAKS, Feeding, able, called, certified, employed, update

Batches: TypeAlias = list[list[hr_pb2.ProfileUpdate]]

RECORDS = ("A", "B")
LEVELS = Proficiency.values()[:4]
NUMBERS = count()

skills = st.builds(
    hr_pb2.FeedSkill,
    skill=st.sampled_from(["skills/lifting", "skills/dressing", "skills/nowhere"]),
    proficiency=st.sampled_from(LEVELS),
    assessed=st.booleans(),
)
courses = st.sampled_from(["Moving and handling", "First aid"])
sections = st.fixed_dictionaries(
    {},
    optional={
        "identity": st.sampled_from(["Anna", "Ann", ""]).map(called),
        "employments": st.sampled_from(["Carer", "Cook"]).map(employed) | st.just(hr_pb2.FeedEmployments()),
        "skills": st.lists(skills, max_size=2).map(lambda found: able(*found)),
        "credentials": st.lists(courses, max_size=2).map(lambda titles: certified(*titles)),
    },
)
histories = st.lists(st.tuples(st.sampled_from(RECORDS), sections), min_size=1, max_size=7)
own_words = st.none() | st.sampled_from(LEVELS).map(
    lambda level: PersonSkill(skill="skills/lifting", proficiency=level)
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[Batches, Batches]:
    """Return updates in the source's order, one by one, and the same shuffled, some twice, in batches."""
    ordered = [update(record, number, **given) for number, (record, given) in enumerate(draw(histories), 2)]
    doubled = ordered + draw(st.lists(st.sampled_from(ordered), max_size=3))
    shuffled = draw(st.permutations(doubled))
    edges = [0, *sorted(draw(st.sets(st.integers(1, len(shuffled))))), len(shuffled)]
    batches = [shuffled[start:end] for start, end in pairwise(edges)]
    return [[each] for each in ordered], batches


async def ending(feeding: Feeding, batches: Batches, own: PersonSkill | None) -> list[dict[str, Any]]:
    """Return what is in the profiles of new records after `batches`, where the person of A has said `own` before."""
    run = f"run-{next(NUMBERS)}"
    await feeding.send(*(update(f"{run}-{each}", 1, skills=hr_pb2.FeedSkills()) for each in RECORDS))
    people = [await feeding.person_of(OAKS, f"{run}-{each}") for each in RECORDS]
    if own is not None:
        said = Person(name=people[0], display_name="Anna", skills=[own])
        await feeding.world.update(said, caller=Caller(people[0], Role.PERSON))
    for batch in batches:
        await feeding.send(*(renamed(each, f"{run}-{each.external_id}") for each in batch))
    return [content(await feeding.world.get(each)) for each in people]


def renamed(given: hr_pb2.ProfileUpdate, external_id: str) -> hr_pb2.ProfileUpdate:
    """Return the same update of another record."""
    copy = hr_pb2.ProfileUpdate()
    copy.CopyFrom(given)
    copy.external_id = external_id
    return copy


def content(person: Person) -> dict[str, Any]:
    """Return what a profile says, without when it was said and how often it changed."""
    return {
        "name": person.display_name,
        "skills": [(each.skill, each.proficiency, each.source, each.evidence) for each in person.skills],
        "work": texts(person.employments),
        "credentials": texts(person.credentials),
    }


def texts(messages: Sequence[Any]) -> list[str]:
    return [str(each) for each in messages]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(delivery=deliveries(), own=own_words)
async def test_any_order_any_repetition_and_any_batches_end_alike(
    feeding: Feeding, delivery: tuple[Batches, Batches], own: PersonSkill | None
) -> None:
    ordered, shuffled = delivery
    assert await ending(feeding, shuffled, own) == await ending(feeding, ordered, own)

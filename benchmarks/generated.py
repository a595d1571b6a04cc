"""Generated people and opportunities over the real ESCO health and care occupations, put straight into an index.

The same seed gives the same people, one after another, so that a million take no more memory than one. They are made
up; nothing goes through the graph or the profiles service, so what is measured is the matching service alone. `NATION`
spreads them over the real postcode districts of the United Kingdom; all else scatters made-up ones around a centre.
"""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from careweave_matching.adjacency import link_strengths
from careweave_matching.credentials import best
from careweave_matching.geography import Geography, Place
from careweave_matching.index import Surroundings
from careweave_matching.model import (
    Consent,
    CredentialNeed,
    HeldCredential,
    HeldSkill,
    Opportunity,
    Person,
    Requirement,
    Wishes,
    Work,
)
from careweave_matching.taxonomy import Occupation, Taxonomy, skill_level, telling_weights
from careweave_matching.terms import (
    ConsentPurpose,
    CredentialKind,
    DbsLevel,
    OpportunityKind,
    ProfileField,
    TravelMode,
    Trust,
)
from careweave_matching.travel import Point
from careweave_skills.sources.esco import Esco, read_esco
from careweave_skills.taxonomy import Importance

from careweave.datasets import folder

CARE_GROUPS = ("22", "32", "53", "263", "341", "1341", "1342", "1343", "1344")
"""ISCO-08 groups of health and care."""
ORGANISATIONS = 45
"""In each area."""
WORDINGS = 3
"""Descriptions of the same occupation and kind that differ."""
CENTRE = Point(53.2, -2.6)
TODAY = date(2027, 1, 4)


MINUTES = (30, 45, 60)
"""Longest journeys of those who stay near their home, each as likely as the others."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a place is generated: districts, organisations, and degrees to each side of the centre.

    minutes: longest journeys, each as likely as the others.
    """

    districts: int = 71
    organisations: int = ORGANISATIONS
    latitude: float = 0.2
    longitude: float = 0.3
    minutes: tuple[int, ...] = MINUTES


TOWN = Extent()
COUNTY = Extent(latitude=0.32, longitude=0.48)
REGION = Extent(districts=710, organisations=10 * ORGANISATIONS, latitude=0.48, longitude=0.72)
NATION = Extent(districts=2856, organisations=64 * ORGANISATIONS, minutes=MINUTES * 33 + (600,))
"""The real postcode districts of the United Kingdom; one in a hundred would travel as far as a profile can say."""


def extent_for(opportunities: int) -> Extent:
    """Return the extent of so many opportunities.

    Most people reach some forty of 400, 500 of 10,000 and 2,000 of 100,000, within their limits of travel and hours.
    """
    if opportunities <= 1000:  # noqa: PLR2004
        return TOWN
    return COUNTY if opportunities <= 10_000 else REGION  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Setting:
    """What generated people and opportunities are made from.

    districts: names of places. workplaces: weights of districts, added up, for opportunities; None where all are alike.
    """

    extent: Extent
    districts: tuple[str, ...]
    workplaces: Sequence[int] | None

    taxonomy: Taxonomy
    surroundings: Surroundings
    care: tuple[str, ...]
    requirements: dict[str, list[tuple[str, bool]]]
    labels: dict[str, str]

    def home(self, rng: random.Random) -> str:
        """Return where somebody lives: every district has about as many addresses."""
        return self.districts[rng.randrange(len(self.districts))]

    def workplace(self, rng: random.Random) -> str:
        """Return where an opportunity is."""
        if self.workplaces is None:
            return self.home(rng)
        return rng.choices(self.districts, cum_weights=self.workplaces)[0]


def chance(rng: random.Random, share: float) -> bool:
    """Return True so often."""
    return rng.random() < share


def read_setting(seed: int, extent: Extent = TOWN) -> Setting:
    """Return the real taxonomy with made-up places and organisations."""
    esco = read_esco(folder("esco-v1.1.1"))
    requirements: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    uses: dict[str, int] = defaultdict(int)
    for requirement in esco.requirements:
        essential = requirement.importance == Importance.ESSENTIAL
        requirements[requirement.occupation].append((requirement.skill, essential))
        uses[requirement.skill] += 1
    places = _real_districts() if extent is NATION else _scattered(extent, random.Random(seed))
    organisations = {
        f"organisations/o{number}": f"Fictional Organisation {number}" for number in range(extent.organisations)
    }
    care = [each.name for each in esco.occupations if each.isco_group.startswith(CARE_GROUPS)]
    return Setting(
        extent=extent,
        districts=tuple(places),
        workplaces=_work_in(places) if extent is NATION else None,
        taxonomy=_taxonomy(esco, uses),
        surroundings=Surroundings(Geography(places), organisations),
        care=tuple(name for name in care if requirements[name]),
        requirements=requirements,
        labels={each.name: each.label for each in esco.occupations},
    )


def _scattered(extent: Extent, rng: random.Random) -> dict[str, Place]:
    return {
        f"places/P{number}": Place(
            f"District {number}",
            Point(
                CENTRE.latitude + rng.uniform(-extent.latitude, extent.latitude),
                CENTRE.longitude + rng.uniform(-extent.longitude, extent.longitude),
            ),
        )
        for number in range(extent.districts)
    }


def _real_districts() -> dict[str, Place]:
    with (folder("uk-geo") / "outcodes.csv").open(encoding="utf-8", newline="") as file:
        return {
            f"places/{row['postcode']}": Place(
                f"{row['town'] or row['region']} ({row['postcode']})",
                Point(float(row["latitude"]), float(row["longitude"])),
            )
            for row in csv.DictReader(file)
        }


def _work_in(places: Iterable[str]) -> list[int]:
    """Return weights, added up: a district with the seat of an NHS trust has ten times the work of another."""
    with (folder("uk-geo") / "nhs-trusts-etr.csv").open(encoding="utf-8", newline="") as file:
        trusts = Counter(f"places/{row[9].partition(' ')[0]}" for row in csv.reader(file))
    return list(accumulate(1 + 9 * trusts[name] for name in places))


def _taxonomy(esco: Esco, uses: dict[str, int]) -> Taxonomy:
    skills = sorted(esco.skills, key=lambda skill: skill.name)
    index = {skill.name: number for number, skill in enumerate(skills)}
    related = [
        (index[each.skill], index[each.related], "essential" if each.importance == Importance.ESSENTIAL else "optional")
        for each in esco.skill_relations
    ]
    broader = [(index[one], index[other]) for one, other in esco.broader if one in index and other in index]
    return Taxonomy(
        version="generated",
        names=tuple(skill.name for skill in skills),
        labels=tuple(skill.label for skill in skills),
        weights=telling_weights([uses[skill.name] for skill in skills], len(esco.occupations)),
        strengths=link_strengths((), related, broader),
        occupations={
            each.name: Occupation(each.label, f"{each.label}. {each.description}", skill_level(each.isco_group))
            for each in esco.occupations
        },
        index=index,
    )


def opportunities(setting: Setting, count: int, seed: int) -> list[Opportunity]:
    """Return `count` open opportunities of all kinds."""
    return list(stream_opportunities(setting, count, seed))


def stream_opportunities(setting: Setting, count: int, seed: int) -> Iterator[Opportunity]:
    """Yield them one by one, in memory that does not grow."""
    rng = random.Random(seed)
    for number in range(count):
        yield _opportunity(setting, rng, number)


def _opportunity(setting: Setting, rng: random.Random, number: int) -> Opportunity:
    occupation = rng.choice(setting.care)
    needed = rng.sample(setting.requirements[occupation], min(25, len(setting.requirements[occupation])))
    kind = rng.choice([OpportunityKind.JOB] * 5 + list(OpportunityKind))
    organisation = rng.randrange(setting.extent.organisations)
    hours = rng.choice([16.0, 24.0, 30.0, 37.5])
    learning = kind not in {OpportunityKind.JOB, OpportunityKind.SECONDMENT}
    first = rng.randrange(WORDINGS)  # few wordings, so that embedding 100,000 takes minutes; skills make vectors differ
    worded = setting.requirements[occupation][first : first + 6]
    labels = [setting.taxonomy.labels[setting.taxonomy.index[skill]] for skill, _ in worded]
    return Opportunity(
        name=f"opportunities/g{number:06d}",
        title=f"{setting.labels[occupation]} ({kind.name.lower()})",
        kind=kind,
        organisation=f"organisations/o{organisation}",
        description=f"{setting.labels[occupation]}: {'; '.join(labels)}.",
        place=setting.workplace(rng),
        occupation=occupation,
        requirements=tuple(Requirement(skill, essential, rng.choice([0, 0, 0, 2, 3])) for skill, essential in needed),
        develops=tuple(skill for skill, _ in needed[:5]) if learning else (),
        credentials=_needs(rng),
        minimum_weekly_hours=hours,
        maximum_weekly_hours=hours,
        unsocial_hours=chance(rng, 0.4),
        start_date=TODAY + timedelta(days=rng.randrange(30, 200)),
        closing_date=TODAY + timedelta(days=rng.randrange(20, 400)),
        version=1,
    )


def _needs(rng: random.Random) -> tuple[CredentialNeed, ...]:
    needs = [CredentialNeed(CredentialKind.DBS, "", DbsLevel.ENHANCED_BARRED_LISTS, 36, chance(rng, 0.3))]
    if chance(rng, 0.5):
        needs.append(
            CredentialNeed(CredentialKind.MANDATORY_TRAINING, rng.choice(["Moving and handling", "Safeguarding"]))
        )
    if chance(rng, 0.1):
        needs.append(CredentialNeed(CredentialKind.REGISTRATION, rng.choice(["NMC", "HCPC"])))
    return tuple(needs)


def people(setting: Setting, count: int, seed: int) -> Iterator[Person]:
    """Yield `count` people whose skills follow their occupation, with noise."""
    rng = random.Random(seed)
    for number in range(count):
        yield _person(setting, rng, number)


def _person(setting: Setting, rng: random.Random, number: int) -> Person:
    occupation = rng.choice(setting.care)
    known = [skill for skill, essential in setting.requirements[occupation] if chance(rng, 0.7 if essential else 0.2)]
    stray = [skill for skill, _ in setting.requirements[rng.choice(setting.care)] if chance(rng, 0.1)]
    held = sorted({*known, *stray})[:60]
    return Person(
        name=f"people/g{number:07d}",
        version=1,
        place=setting.home(rng),
        work=Work(f"organisations/o{rng.randrange(setting.extent.organisations)}", occupation),
        skills=tuple(HeldSkill(skill, rng.choice([0, 0, 2, 3, 4]), rng.choice(list(Trust)[:2])) for skill in held),
        credentials=best(_credentials(rng)),
        wishes=Wishes(
            stated=True,
            minimum_hours=rng.choice([0.0, 16.0, 20.0]),
            maximum_hours=rng.choice([0.0, 30.0, 40.0]),
            unsocial_hours=chance(rng, 0.6),
            travel_mode=rng.choice([TravelMode.CAR, TravelMode.CAR, TravelMode.PUBLIC_TRANSPORT, TravelMode.CYCLE]),
            maximum_minutes=rng.choice(setting.extent.minutes),
            aspired_occupations=(rng.choice(setting.care),) if chance(rng, 0.5) else (),
        ),
        consents=(Consent(ConsentPurpose.BE_FOUND, frozenset(), frozenset(ProfileField)),) if number % 2 else (),
    )


def _credentials(rng: random.Random) -> Iterator[HeldCredential]:
    yield HeldCredential(CredentialKind.RIGHT_TO_WORK)
    if chance(rng, 0.9):
        issued = TODAY - timedelta(days=rng.randrange(2000))
        yield HeldCredential(
            CredentialKind.DBS, "", issued, None, DbsLevel.ENHANCED_BARRED_LISTS, update_service=chance(rng, 0.5)
        )
    for title in ("Moving and handling", "Safeguarding"):
        if chance(rng, 0.8):
            lapses = TODAY + timedelta(days=rng.randrange(-60, 700))
            yield HeldCredential(CredentialKind.MANDATORY_TRAINING, title, None, lapses)
    if chance(rng, 0.15):
        yield HeldCredential(CredentialKind.REGISTRATION, "NMC", None, TODAY + timedelta(days=rng.randrange(900)))

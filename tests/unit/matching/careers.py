"""A small world of careers: care, nursing and an office, with two registers and the programmes that lead onto them."""

from collections.abc import Sequence

import numpy as np
from careweave_matching.pathways.career import CareerMap, build_map
from careweave_matching.pathways.facts import Condition, Facts, ProgrammeFact, Register, Rung, Source, Way
from careweave_matching.pathways.reading import CareerRows, OccupationRow, StandardRow
from careweave_matching.pathways.standing import Standing
from careweave_matching.relatedness import Relatedness
from careweave_matching.taxonomy import Occupation, Taxonomy

from tests.unit.matching.world import SKILLS, a_taxonomy, skill

SOMEWHERE = Source("a source", "https://example.org/")
WORK = {
    # label: ISCO group, essential skills, where it lies in a plane of two directions
    "carer": ("5322", (0, 1, 2, 3), (100, 30)),
    "home carer": ("5322", (0, 1, 2, 4), (100, 35)),
    "ward assistant": ("5321", (1, 5, 6, 7), (85, 75)),
    "associate": ("5321", (5, 6, 7, 8, 9), (60, 95)),
    "nurse": ("2221", (5, 6, 7, 8, 9, 10, 11), (50, 100)),
    "specialist": ("2221", (8, 9, 10, 11, 12), (45, 100)),
    "manager": ("1343", (2, 3, 13, 14, 15), (110, 5)),
    "dentist": ("2261", (20, 21, 22), (-20, 90)),
    "clerk": ("4110", (16, 17, 18), (-100, 20)),
}
ROLES = ("leader", "deputy")
"""Role categories: the rungs between carer and manager."""


def occupation(label: str) -> str:
    return f"occupations/{label.replace(' ', '-')}"


def a_taxonomy_of_careers() -> Taxonomy:
    names = [occupation(label) for label in WORK]
    codes = np.array([[*place, 10] for _, _, place in WORK.values()], np.int8)
    plain = a_taxonomy()
    known = {occupation(label): Occupation(label, label) for label in (*WORK, *ROLES)}
    return Taxonomy(
        plain.version, plain.names, plain.labels, plain.weights, plain.strengths, known, plain.closers, plain.index,
        Relatedness(names, codes),
    )  # fmt: skip


def _programme(name: str, way: Way, outcome: str, level: int, months: int, **more: object) -> ProgrammeFact:
    facts: dict[str, object] = {
        "name": name, "title": name, "way": way, "register": "", "occupations": (outcome,) if outcome else (),
        "level": level, "months": months, "hours": 0, "entry_level": 0, "entry_register": "", "shorter_for": "",
        "shorter_months": 0, "basis": "", "source": SOMEWHERE,
    }  # fmt: skip
    return ProgrammeFact(**{**facts, **more})  # type: ignore[arg-type]  # the caller names fields


FACTS = Facts(
    registers=(
        Register("R nurse", "Council", "nurse", ("nurse", "specialist"), SOMEWHERE),
        Register("R associate", "Council", "associate", ("associate",), SOMEWHERE),
        Register("R dentist", "Council", "dentist", ("dentist",), SOMEWHERE),
    ),
    programmes=(
        _programme("standards/ST0001", Way.APPRENTICESHIP, "associate", 0, 0, register="R associate", entry_level=2),
        _programme(
            "standards/ST0002", Way.APPRENTICESHIP, "nurse", 0, 0, register="R nurse", entry_level=3,
            shorter_for="R associate", shorter_months=24,
        ),
        _programme("programmes/degree", Way.STUDY, "nurse", 6, 36, hours=4600, register="R nurse", entry_level=3),
        _programme("programmes/access", Way.QUALIFICATION, "", 3, 12, hours=600),
        _programme("programmes/return", Way.RETURN, "nurse", 6, 12, register="R nurse", entry_register="R nurse"),
    ),
    levels={"carer": 2, "home carer": 2, "ward assistant": 2, "associate": 5, "leader": 3, "deputy": 4, "manager": 5},
    rungs=(
        Rung(("carer", "home carer"), ("leader",), 12, SOMEWHERE),
        Rung(("leader",), ("deputy",), 18, SOMEWHERE),
        Rung(("deputy",), ("manager",), 24, SOMEWHERE),
    ),
    conditions=(Condition(("manager",), "Is registered as a manager.", SOMEWHERE),),
    home_care=frozenset({"home carer"}),
    fields={"dentist": "teeth"},
)  # fmt: skip


def a_map() -> CareerMap:
    rows = [
        OccupationRow(occupation(label), label, isco, tuple(map(skill, essential)), ())
        for label, (isco, essential, _) in WORK.items()
    ]
    roles = [OccupationRow(occupation(label), label, "", (skill(2), skill(13)), ()) for label in ROLES]
    standards = (
        StandardRow("standards/ST0001", "Associate", 5, 24, "", ((occupation("associate"), 0.9),)),
        StandardRow("standards/ST0002", "Nurse", 6, 48, "", ((occupation("nurse"), 0.9),)),
        StandardRow("standards/ST0003", "Carer", 2, 12, "", ((occupation("carer"), 0.9),)),
        StandardRow("standards/ST0004", "Sonographer", 6, 36, "", ((occupation("nurse"), 0.9),)),
        StandardRow("standards/ST0005", "Carer", 2, 12, "ApprovedForDelivery-Paused", ((occupation("carer"), 0.9),)),
    )
    ordered = tuple(sorted((*rows, *roles), key=lambda row: row.name))
    return build_map(a_taxonomy_of_careers(), CareerRows(ordered, standards), FACTS)


def standing(label: str = "", held: Sequence[int] = (), level: int = 0, **more: object) -> Standing:
    facts: dict[str, object] = {
        "occupation": occupation(label) if label else "", "current": bool(label), "level": level,
        "held": dict.fromkeys(held, (0, 1)), "registers": frozenset(), "lapsed": frozenset(),
    }  # fmt: skip
    return Standing(**{**facts, **more})  # type: ignore[arg-type]  # the caller names fields


assert max(max(essential) for _, essential, _ in WORK.values()) < SKILLS

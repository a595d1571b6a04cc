"""Pairs from ESCO: labels, descriptions, requirements, groups, and made sentences."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log
from random import Random
from typing import Final

from careweave_skills.sources.esco import Esco, EscoOccupation, EscoSkill
from careweave_skills.taxonomy import Importance, SkillKind

from training.pair import Pair
from training.withheld import Withheld, first_sentence
from training.wordings import DOING, KNOWING

_LABELS_OF_A_SKILL: Final = 4
_LABELS_OF_AN_OCCUPATION: Final = 6
_TELLING_SKILLS: Final = 8
_NEIGHBOURS: Final = 3
_SENTENCES: Final = 16_000
_ENOUGH_TITLES: Final = 3
"""Alternative titles from which on two of them make a pair of their own."""
_SKILLS_OF_A_DESCRIPTION: Final = 2
_SHORTEST_SENTENCE: Final = 20
"""Characters; what is shorter is a piece of an abbreviation."""


def esco_pairs(esco: Esco, withheld: Withheld, random: Random) -> Iterator[Pair]:
    """Yield all pairs from ESCO that hold nothing withheld as a label."""
    shown = {skill.name: _shown(skill, withheld) for skill in esco.skills}
    for skill in esco.skills:
        yield from _of_skill(skill, shown[skill.name], withheld, random)
    telling = _telling(esco)
    by_name = {skill.name: skill for skill in esco.skills}
    for occupation in esco.occupations:
        yield from _of_occupation(occupation, random)
        yield from _asked(occupation, [by_name[name] for name in telling[occupation.name]], random)
    yield from _alike(esco, random)
    yield from _grouped(esco)
    yield from _sentences(esco.skills, shown, random)


def requirements(esco: Esco) -> dict[str, frozenset[str]]:
    """Return occupation → all skills that it requires, essentially or optionally."""
    found: dict[str, set[str]] = defaultdict(set)
    for requirement in esco.requirements:
        found[requirement.occupation].add(requirement.skill)
    return {name: frozenset(skills) for name, skills in found.items()}


def neighbours(esco: Esco) -> dict[str, tuple[str, ...]]:
    """Return occupation → the three whose essential skills are most alike: cosine of the skills' IDF."""
    weights = _idf(esco)
    skills: dict[str, set[str]] = defaultdict(set)
    asking: dict[str, list[str]] = defaultdict(list)
    for requirement in esco.requirements:
        if requirement.importance is Importance.ESSENTIAL:
            skills[requirement.occupation].add(requirement.skill)
            asking[requirement.skill].append(requirement.occupation)
    norms = {name: sum(weights[skill] ** 2 for skill in each) ** 0.5 for name, each in skills.items()}
    found = {}
    for name, each in skills.items():
        shared: Counter[str] = Counter()
        for skill in each:
            for other in asking[skill]:
                shared[other] += weights[skill] ** 2  # type: ignore[assignment]  # Counter sums what is given
        del shared[name]
        likeness = {other: total / (norms[name] * norms[other]) for other, total in shared.items()}
        found[name] = tuple(sorted(likeness, key=lambda other: (-likeness[other], other))[:_NEIGHBOURS])
    return found


def _of_skill(skill: EscoSkill, labels: Sequence[str], withheld: Withheld, random: Random) -> Iterator[Pair]:
    for label in _sample(labels, _LABELS_OF_A_SKILL, random):
        yield _of("skill labels", label, skill.label, skill.name)
    if skill.description and skill.name not in withheld.skills:
        first = first_sentence(skill.description)
        yield _of("skill descriptions", first, skill.label, skill.name)
        if labels:
            yield _of(
                "skill descriptions", random.choice(_sentences_of(skill.description)), random.choice(labels), skill.name
            )


def _of_occupation(occupation: EscoOccupation, random: Random) -> Iterator[Pair]:
    titles = _unlike(occupation.label, occupation.alternative_labels)
    for title in _sample(titles, _LABELS_OF_AN_OCCUPATION, random):
        yield _of("titles", title, occupation.label, occupation.name)
    if len(titles) >= _ENOUGH_TITLES:
        one, two = random.sample(titles, 2)
        yield _of("titles", one, two, occupation.name)
    if occupation.description:
        yield _of("occupation descriptions", occupation.description, occupation.label, occupation.name)
        if titles:
            text = random.choice(_sentences_of(occupation.description))
            yield _of("occupation descriptions", text, random.choice(titles), occupation.name)


def _asked(occupation: EscoOccupation, skills: Sequence[EscoSkill], random: Random) -> Iterator[Pair]:
    titles = [occupation.label, occupation.label, *occupation.alternative_labels]
    for place, skill in enumerate(skills):
        yield Pair("titles and skills", random.choice(titles), skill.label, occupation.name, skill.name)
        if place < _SKILLS_OF_A_DESCRIPTION and occupation.description:
            yield Pair("descriptions and skills", occupation.description, skill.label, occupation.name, skill.name)


def _alike(esco: Esco, random: Random) -> Iterator[Pair]:
    by_name = {occupation.name: occupation for occupation in esco.occupations}
    for name, others in neighbours(esco).items():
        for place, other in enumerate(others):
            one, two = by_name[name], by_name[other]
            yield Pair("like occupations", one.label, two.label, name, other)
            if place == 0 and one.description and two.description:
                yield Pair("like descriptions", one.description, two.description, name, other)
            if place == 1 and one.alternative_labels:
                yield Pair("like occupations", random.choice(one.alternative_labels), two.label, name, other)


def _grouped(esco: Esco) -> Iterator[Pair]:
    groups = {group.code: group for group in esco.occupation_groups}
    for occupation in esco.occupations:
        if group := groups.get(occupation.isco_group):
            yield Pair("groups", occupation.label, group.label, occupation.name, group.name)


def _sentences(skills: Sequence[EscoSkill], shown: dict[str, list[str]], random: Random) -> Iterator[Pair]:
    """Yield each made sentence with each of its skills; a sentence is a concept of its own."""
    of_kind = {
        wordings: [skill for skill in skills if shown[skill.name] and (skill.kind is SkillKind.KNOWLEDGE) == knowing]
        for wordings, knowing in ((DOING, False), (KNOWING, True))
    }
    for number in range(_SENTENCES):
        wordings = KNOWING if number % 5 == 0 else DOING
        count = 1 + number % 3
        chosen = random.sample(of_kind[wordings], count)
        labels = [random.choice((skill.label, *shown[skill.name])) for skill in chosen]
        text = random.choice(wordings[count - 1]).format(*labels)
        for skill in random.sample(chosen, min(2, count)):
            yield Pair("sentences", text, skill.label, f"sentence:{':'.join(each.name for each in chosen)}", skill.name)


def _telling(esco: Esco) -> dict[str, list[str]]:
    """Return occupation → its essential skills, the rarest first, at most eight."""
    weights = _idf(esco)
    found: dict[str, list[str]] = {occupation.name: [] for occupation in esco.occupations}
    for requirement in esco.requirements:
        if requirement.importance is Importance.ESSENTIAL:
            found[requirement.occupation].append(requirement.skill)
    return {
        name: sorted(skills, key=lambda skill: (-weights[skill], skill))[:_TELLING_SKILLS]
        for name, skills in found.items()
    }


def _idf(esco: Esco) -> dict[str, float]:
    counts = Counter(requirement.skill for requirement in esco.requirements)
    return {skill: log(len(esco.occupations) / count) for skill, count in counts.items()}


def _shown(skill: EscoSkill, withheld: Withheld) -> list[str]:
    return [label for label in _unlike(skill.label, skill.alternative_labels) if label.lower() not in withheld.texts]


def _unlike(label: str, others: Iterable[str]) -> list[str]:
    """Return the labels that differ from `label` and each other by more than order, number and small words."""
    found = {_words(label): label}
    for other in others:
        found.setdefault(_words(other), other)
    return [other for other in found.values() if other != label]


def _words(text: str) -> frozenset[str]:
    small = {"a", "an", "the", "of", "in", "for", "and", "to", "on"}
    return frozenset(word.rstrip("s") for word in text.lower().replace("-", " ").split() if word not in small)


def _sentences_of(text: str) -> list[str]:
    return [each.strip() for each in text.replace("\n", " ").split(". ") if len(each.strip()) > _SHORTEST_SENTENCE] or [
        text
    ]


def _sample(texts: Sequence[str], most: int, random: Random) -> list[str]:
    return random.sample(texts, min(most, len(texts)))


def _of(kind: str, anchor: str, positive: str, concept: str) -> Pair:
    return Pair(kind, anchor, positive, concept, concept)

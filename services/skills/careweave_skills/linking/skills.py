"""Which ESCO skills a wording of another taxonomy means, and which a course or a standard develops."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from careweave.abbreviations import in_full
from careweave.embedding.port import Vectors
from careweave_skills.linking.concepts import (
    Embed,
    EscoOccupation,
    EscoSkill,
    Link,
    ShortCourse,
    Training,
    Wording,
)
from careweave_skills.linking.wordings import key, topic
from careweave_skills.taxonomy import Importance, LinkMethod

SAME_LABEL: Final = 0.95
"""Confidence of a link between equal labels."""
_SAME: Final = 0.76
"""Cosine from which two wordings are taken for the same skill. This and what follows were judged under plain MiniLM and
carried to the packaged model by `tools/carry_thresholds.py`."""
_SAME_IN_PATHWAY: Final = 0.725
"""The same for the care pathway, whose wordings are short and from one field."""
_ESSENTIAL, _OPTIONAL, _SIBLING, _IN_CARE, _WIDE, _ELSEWHERE = 0.12, 0.07, 0.03, -0.02, -0.05, -0.1
"""What is added to a cosine by how near a skill is to what the learner prepares for."""
_DEVELOPED: Final = 0.68
_STILL_DEVELOPED: Final = 0.65
"""Score for the first few of a standard, so that a short one has a handful too."""
_SURE: Final = 0.7
"""Confidence of a link to an occupation from which its required skills count as a standard's own."""
_FEW, _MOST, _OF_ONE_DUTY = 8, 20, 2
_TAUGHT: Final = 0.68
_MOST_BY_TITLE: Final = 3
_THROUGH_PATHWAY: Final = 0.68
_ASKS_LEADERS: Final = ("manage", "lead", "supervise", "develop", "coordinate", "direct", "set", "establish", "advise")
_LEADER_LEVEL: Final = 4
_LEADER_PENALTY: Final = 0.06


class SkillLinker:
    """ESCO's skills, ready to be compared with wordings."""

    def __init__(self, skills: Sequence[EscoSkill], occupations: Sequence[EscoOccupation], embed: Embed) -> None:
        """Embed the preferred labels, and see which skills care occupations require."""
        self._skills = skills
        self._embed = embed
        self._vectors = embed([skill.label for skill in skills])
        self._index = {skill.name: place for place, skill in enumerate(skills)}
        self._occupations = {each.name: each for each in occupations}
        self._siblings: dict[str, list[EscoOccupation]] = {}
        for each in occupations:
            self._siblings.setdefault(each.isco_group, []).append(each)
        self._by_key: dict[tuple[str, ...], list[int]] = {}
        for place, skill in enumerate(skills):
            self._by_key.setdefault(key(skill.label), []).append(place)
        self._asks_leaders = np.array([skill.label.split(" ", 1)[0] in _ASKS_LEADERS for skill in skills])
        self._field = self._prior_of_field(occupations)

    def same_as(self, wordings: Sequence[Wording], *, in_pathway: bool) -> list[Link]:
        """Return the ESCO skill that each wording means, where there is one."""
        least = _SAME_IN_PATHWAY if in_pathway else _SAME
        links: list[Link] = []
        for wording, likeness in zip(wordings, self._likeness([each.text for each in wordings]), strict=True):
            if equal := self._by_key.get(key(wording.text)):
                best = max(equal, key=lambda place: float(likeness[place]))
                links.append(Link(wording.name, self._skills[best].name, LinkMethod.LABEL, SAME_LABEL))
                continue
            # Outside care and common skills a likeness of words alone misleads.
            usable = likeness + np.minimum(self._field - _IN_CARE, 0)
            best = int(np.argmax(usable))
            if usable[best] >= least:
                links.append(Link(
                    wording.name, self._skills[best].name, LinkMethod.EMBEDDING, _same_confidence(float(usable[best]))
                ))  # fmt: skip
        return links

    def developed_by_standards(
        self, standards: Sequence[Training], prepares: Mapping[str, Sequence[Link]]
    ) -> list[Link]:
        """Return the skills that each standard with duties develops; `prepares` are its occupations by its name."""
        links: list[Link] = []
        for standard in standards:
            if standard.duties:
                links.extend(self._developed(standard, prepares.get(standard.name, ())))
            else:
                links.extend(self._required(standard, prepares.get(standard.name, ())))
        return links

    def developed_by_courses(self, courses: Sequence[ShortCourse]) -> list[Link]:
        """Return the ESCO skills that courses develop, by their titles and by the pathway skills they teach."""
        wordings = {skill.name: skill for course in courses for skill in course.skills}
        through = {link.source: link for link in self._nearest(list(wordings.values()), _THROUGH_PATHWAY)}
        links: list[Link] = []
        topics = [in_full(topic(course.title)) for course in courses]
        for course, text, likeness in zip(courses, topics, self._likeness(topics), strict=True):
            found: dict[str, Link] = {}
            for place in self._by_key.get(key(text), ()):
                name = self._skills[place].name
                found[name] = Link(course.name, name, LinkMethod.LABEL, SAME_LABEL)
            scores = likeness + self._field - _IN_CARE
            for place in np.argsort(-scores, kind="stable")[:_MOST_BY_TITLE].tolist():
                if scores[place] >= _TAUGHT:
                    name = self._skills[place].name
                    link = Link(course.name, name, LinkMethod.EMBEDDING, _taught_confidence(float(scores[place])))
                    found.setdefault(name, link)
            for skill in course.skills:
                if (step := through.get(skill.name)) and step.target not in found:
                    found[step.target] = Link(course.name, step.target, step.method, step.confidence)
            links.extend(sorted(found.values(), key=lambda link: (-link.confidence, link.target))[:_MOST])
        return links

    def _developed(self, standard: Training, occupations: Sequence[Link]) -> list[Link]:
        vectors = self._embed([duty.text for duty in standard.duties])
        likeness = self._vectors @ vectors.T
        duty_of = likeness.argmax(axis=1)
        scores = likeness.max(axis=1) + self._prior(standard, occupations)
        taken = np.zeros(len(standard.duties), np.int64)
        links: list[Link] = []
        for place in np.argsort(-scores, kind="stable")[: 10 * _MOST].tolist():
            score = float(scores[place])
            least = _STILL_DEVELOPED if len(links) < _FEW else _DEVELOPED
            if score < least or len(links) == _MOST:
                break
            if taken[duty_of[place]] < _OF_ONE_DUTY:
                taken[duty_of[place]] += 1
                links.append(Link(
                    standard.name, self._skills[place].name, LinkMethod.EMBEDDING, _developed_confidence(score)
                ))  # fmt: skip
        return links

    def _required(self, standard: Training, occupations: Sequence[Link]) -> list[Link]:
        """Return what the occupation of a standard without published duties requires, if its very label says which.

        A standard has to cover what its occupation needs; so the link is no surer than that of the occupation.
        """
        sure = [link for link in occupations if link.method is LinkMethod.LABEL and link.confidence >= _SURE]
        links: dict[str, Link] = {}
        for link in sure[:1]:
            requires = self._occupations[link.target].requires
            essential = sorted(name for name, how in requires.items() if how is Importance.ESSENTIAL)
            telling = sorted(essential, key=lambda name: (self._field[self._index[name]] == _WIDE, name))
            for name in telling[:_MOST]:
                links[name] = Link(standard.name, name, LinkMethod.LABEL, round(0.8 * link.confidence, 3))
        return list(links.values())

    def _prior(self, standard: Training, occupations: Sequence[Link]) -> Vectors:
        prior = self._field.copy()
        if standard.level < _LEADER_LEVEL:
            prior[self._asks_leaders] -= np.float32(_LEADER_PENALTY)
        for link in occupations:
            occupation = self._occupations[link.target]
            for sibling in self._siblings[occupation.isco_group]:
                self._raise(prior, sibling.requires, _SIBLING)
        for link in occupations:
            requires = self._occupations[link.target].requires
            self._raise(prior, requires, _OPTIONAL)
            self._raise(prior, [name for name, how in requires.items() if how is Importance.ESSENTIAL], _ESSENTIAL)
        return prior

    def _raise(self, prior: Vectors, names: Iterable[str], least: float) -> None:
        places = [self._index[name] for name in names if name in self._index]
        prior[places] = np.maximum(prior[places], np.float32(least))

    def _prior_of_field(self, occupations: Iterable[EscoOccupation]) -> Vectors:
        prior = np.array([_WIDE if skill.wide else _ELSEWHERE for skill in self._skills], dtype=np.float32)
        for each in occupations:
            if each.in_care:
                self._raise(prior, each.requires, _IN_CARE)
        return prior

    def _nearest(self, wordings: Sequence[Wording], least: float) -> list[Link]:
        """Return for each wording the ESCO skill nearest to it in care, if it is near enough."""
        links: list[Link] = []
        for wording, likeness in zip(wordings, self._likeness([each.text for each in wordings]), strict=True):
            scores = likeness + self._field - _IN_CARE
            best = int(np.argmax(scores))
            if scores[best] >= least:
                links.append(Link(
                    wording.name, self._skills[best].name, LinkMethod.EMBEDDING, _taught_confidence(float(scores[best]))
                ))  # fmt: skip
        return links

    def _likeness(self, texts: Sequence[str]) -> Iterable[Vectors]:
        vectors = self._embed(texts)
        for start in range(0, len(texts), 500):
            yield from vectors[start : start + 500] @ self._vectors.T


def _same_confidence(score: float) -> float:
    return round(min(0.95, 0.65 + 2.0 * (score - _SAME_IN_PATHWAY)), 3)


def _taught_confidence(score: float) -> float:
    return round(min(0.95, 0.7 + 1.0 * (score - _TAUGHT)), 3)


def _developed_confidence(score: float) -> float:
    return round(min(0.95, 0.65 + 1.5 * (score - _STILL_DEVELOPED)), 3)

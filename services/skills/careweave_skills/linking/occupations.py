"""Which ESCO occupations a standard prepares for, and which a role category of the care pathway means."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from careweave.embedding.port import Vectors
from careweave_skills.linking.concepts import Embed, EscoOccupation, EscoSkill, Link, RoleCategory, Training
from careweave_skills.linking.uk_titles import CONFIDENCE, ROLE_CONFIDENCE, ROLES, STANDARDS
from careweave_skills.linking.wordings import bare_title, key, level_distance, manages, ranks
from careweave_skills.taxonomy import Importance, LinkMethod

_PREFERRED_TITLE, _OTHER_TITLE, _PREFERRED_JOB, _OTHER_JOB = 0.97, 0.8, 0.75, 0.6
"""Confidence by which label equals what: the title or a job title; the preferred or another label."""
_LIKE: Final = 0.5
"""Cosine of titles below which equal labels are taken for homonyms (a "personal assistant" who cares, or types)."""
_LIKE_OTHER_JOB: Final = 0.6
_LIKE_BESIDE_PREFERRED: Final = 0.75
"""The same where another occupation has the title as its preferred label."""
_BEHIND_BEST: Final = 0.2
"""How far the cosine of an occupation with an equal other label may be behind the nearest occupation's."""
_TITLE_SHARE: Final = 0.6
"""Share of likeness of titles; the rest is likeness of duties and required skills."""
_ALTERNATIVE: Final = 0.98
_UNSEEN: Final = 0.15
"""What a standard without duties loses in score and in confidence, since its duties cannot speak for it."""
_RANK_PENALTY: Final = 0.08
_LEVEL_PENALTY: Final = 0.2
_LEAST: Final = 0.65
"""Score from which likeness alone makes a link; as many titles reach it as reached 0.62 with plain MiniLM."""
_BESIDE_BEST: Final = 0.02
_MOST: Final = 2
_STANDARDS: Final = {key(title): labels for title, labels in STANDARDS.items()}
_ROLES: Final = {key(role): labels for role, labels in ROLES.items()}


class OccupationLinker:
    """ESCO's occupations, ready to be compared with titles and duties."""

    def __init__(self, occupations: Sequence[EscoOccupation], skills: Sequence[EscoSkill], embed: Embed) -> None:
        """Embed labels of all occupations, other labels of those in care, and mean skills."""
        self._occupations = occupations
        self._embed = embed
        self._labels = embed([each.label for each in occupations])
        others = [(place, text) for place, each in enumerate(occupations) if each.in_care
                  for text in each.alternative_labels]  # fmt: skip
        self._others = embed([text for _, text in others])
        # They stand in order of occupation: where each occupation's begin, for those that have any.
        self._other_owners, self._other_starts = np.unique([place for place, _ in others], return_index=True)
        self._preferred = _by_key((each.label,) for each in occupations)
        self._alternative = _by_key(each.alternative_labels for each in occupations)
        self._standing = [(each.isco_group[:1], ranks(each.label)) for each in occupations]
        self._profiles = _centred(_mean_skills(occupations, skills, embed))

    def for_standards(self, standards: Sequence[Training]) -> list[Link]:
        """Return what `standards` prepare for: as the table says, else by equal labels, else by likeness."""
        titles = self._embed([bare_title(each.title) for each in standards])
        by_title = titles @ self._labels.T
        by_any_title = self._best_of_labels(titles, by_title)
        by_duties = _mean_duties(standards, self._embed) @ self._profiles.T
        links: list[Link] = []
        for row, standard in enumerate(standards):
            found = self._by_table(standard.name, _STANDARDS.get(key(standard.title), ()), CONFIDENCE)
            if not found:
                found = self._by_label(standard, by_title[row])
            if not any(link.confidence >= _OTHER_TITLE for link in found.values()):
                for link in self._by_likeness(standard, by_any_title[row], by_duties[row]):
                    found.setdefault(link.target, link)
            links.extend(found.values())
        return links

    def for_roles(self, roles: Sequence[RoleCategory]) -> list[Link]:
        """Return the occupations that role categories of the care pathway take in."""
        return [
            link
            for role in roles
            for link in self._by_table(role.name, _ROLES.get(key(role.label), ()), ROLE_CONFIDENCE).values()
        ]

    def _by_table(self, source: str, labels: Sequence[str], confidence: float) -> dict[str, Link]:
        names = [self._occupations[place].name for label in labels for place in self._preferred.get(key(label), ())]
        return {name: Link(source, name, LinkMethod.LABEL, confidence) for name in names}

    def _by_label(self, standard: Training, likeness: Vectors) -> dict[str, Link]:
        found: dict[str, Link] = {}
        has_preferred = key(standard.title) in self._preferred
        nearest = float(likeness.max())
        for titles, labels, confidence, least in (
            ((standard.title,), self._preferred, _PREFERRED_TITLE, 0.0),
            ((standard.title,), self._alternative, _OTHER_TITLE, max(_LIKE, nearest - _BEHIND_BEST)),
            (standard.job_titles, self._preferred, _PREFERRED_JOB, _LIKE),
            (standard.job_titles, self._alternative, _OTHER_JOB, max(_LIKE_OTHER_JOB, nearest - _BEHIND_BEST)),
        ):
            threshold = max(least, _LIKE_BESIDE_PREFERRED) if has_preferred and least else least
            for place in dict.fromkeys(place for title in titles for place in labels.get(key(title), ())):
                occupation = self._occupations[place]
                if likeness[place] >= threshold and (
                    confidence == _PREFERRED_TITLE or manages(standard.title) == manages(occupation.label)
                ):
                    link = Link(standard.name, occupation.name, LinkMethod.LABEL, confidence)
                    found.setdefault(occupation.name, link)
        return found

    def _best_of_labels(self, titles: Vectors, by_title: Vectors) -> Vectors:
        """Return `by_title`, raised where another label of an occupation in care is nearer."""
        if not len(self._others):
            return by_title
        best = by_title.copy()
        others = np.maximum.reduceat(titles @ self._others.T, self._other_starts, axis=1)
        best[:, self._other_owners] = np.maximum(best[:, self._other_owners], np.float32(_ALTERNATIVE) * others)
        return best

    def _by_likeness(self, standard: Training, by_title: Vectors, by_duties: Vectors) -> list[Link]:
        by_both = _TITLE_SHARE * by_title + (1 - _TITLE_SHARE) * by_duties
        scores = by_both if standard.duties else by_title - _UNSEEN
        scores = scores - self._penalties(standard)
        order = np.argsort(-scores, kind="stable")[:_MOST]
        least = max(_LEAST, float(scores[order[0]]) - _BESIDE_BEST)
        return [
            Link(
                standard.name,
                self._occupations[place].name,
                LinkMethod.EMBEDDING,
                _confidence(float(scores[place]), unseen=not standard.duties),
            )
            for place in order.tolist()
            if scores[place] >= least
        ]

    def _penalties(self, standard: Training) -> Vectors:
        own = ranks(standard.title)
        by_level = {group: level_distance(standard.level, group) for group in {each[0] for each in self._standing}}
        return np.array(
            [_RANK_PENALTY * len(own ^ held) + _LEVEL_PENALTY * by_level[group] for group, held in self._standing],
            dtype=np.float32,
        )


def _confidence(score: float, *, unseen: bool) -> float:
    """Return about the share of links of such a score that were right in the sample."""
    return round(min(0.9, 0.6 + 2.5 * (score - _LEAST)) - (_UNSEEN if unseen else 0), 3)


def _by_key(labels: Iterable[Iterable[str]]) -> dict[tuple[str, ...], list[int]]:
    found: dict[tuple[str, ...], list[int]] = {}
    for place, each in enumerate(labels):
        for one in dict.fromkeys(key(label) for label in each):
            found.setdefault(one, []).append(place)
    return found


def _mean_skills(occupations: Sequence[EscoOccupation], skills: Sequence[EscoSkill], embed: Embed) -> Vectors:
    """Return for each occupation the mean of its essential skills, each by its inverse document frequency."""
    index: Mapping[str, int] = {skill.name: place for place, skill in enumerate(skills)}
    vectors = embed([skill.label for skill in skills])
    uses = np.zeros(len(skills), np.float32)
    for each in occupations:
        uses[[index[name] for name in each.requires if name in index]] += 1
    telling = np.log(len(occupations) / (1 + uses)).clip(min=0.1)
    means = np.zeros((len(occupations), vectors.shape[1]), np.float32)
    for row, each in enumerate(occupations):
        essential = [
            index[name] for name, how in each.requires.items() if how is Importance.ESSENTIAL and name in index
        ]
        if essential:
            means[row] = telling[essential] @ vectors[essential]
    return means


def _mean_duties(standards: Sequence[Training], embed: Embed) -> Vectors:
    """Return for each standard the mean of its duties, less what all have in common; zeros for none."""
    means = [embed([duty.text for duty in each.duties]).mean(axis=0) for each in standards if each.duties]
    dimension = embed([]).shape[1]
    whole = np.zeros((len(standards), dimension), np.float32)
    if means:
        places = [place for place, each in enumerate(standards) if each.duties]
        whole[places] = _unit(np.stack(means) - np.mean(means, axis=0))
    return whole


def _centred(vectors: Vectors) -> Vectors:
    """Return unit vectors less their mean, again of length 1; zeros stay zeros."""
    unit = _unit(vectors)
    centred = unit - unit.mean(axis=0)
    centred[np.linalg.norm(vectors, axis=1) == 0] = 0
    return _unit(centred)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)

"""What a threshold on cosines becomes under another embedding model.

    python tools/carry_thresholds.py sentence-transformers:all-MiniLM-L6-v2 onnx:careweave-minilm

A threshold that was judged by eye under one model is carried to the cosine that as many pairs lie above under the other
(equipercentile equating), over the pairs that the threshold is used on: labels of skills, wordings of standards and of
the care pathway beside these, titles of standards beside occupations, and what people of the sample write beside
occupations and opportunities. It keeps how often a rule speaks, not what it says: for that, read the vignettes again.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
from careweave_cli.quality.packaged import packaged_esco
from careweave_cli.sample.place import make_place
from careweave_matching.aims import parts_of
from careweave_matching.vectors import DESCRIPTION, OCCUPATION, SKILLS, unit
from careweave_skills.linking.wordings import bare_title
from careweave_skills.sources.care_pathway import read_care_pathway
from careweave_skills.sources.standards import read_standards

from careweave import datasets
from careweave.config import read_settings
from careweave.embedding.port import Embedder, Vectors
from careweave.wiring import open_embedder

Numbers = npt.NDArray[np.float32]
SEED, DAY, PEOPLE, SKILLS_DRAWN, WORDINGS_DRAWN = 7, date(2026, 11, 28), 400, 1000, 600
THRESHOLDS: Mapping[str, tuple[float, ...]] = {
    "adjacency: two skills": (0.5, 0.7),
    "linking: wording and nearest skill": (0.66, 0.7, 0.76, 0.8),
    "linking: title and nearest occupation": (0.5, 0.6, 0.62, 0.75),
    "aims: what is written and an occupation's name": (0.45, 0.7),
    "semantic: a person's skills and role, and an opportunity": (0.15, 0.55),
    "aspiration: what is written, and an opportunity": (0.2, 0.3, 0.75),
}


class Families:
    """The cosines of each kind of pair under one model."""

    def __init__(self, embedder: Embedder) -> None:
        """Embed the sample's opportunities and skills once."""
        self._embed = embedder.embed
        self._esco = packaged_esco()
        self._labels = {skill.name: skill.label for skill in self._esco.skills}
        self._skills = dict(zip(self._labels, self._embed(list(self._labels.values())), strict=True))
        place = make_place(SEED, DAY, people=PEOPLE)
        self._people = [each.person for each in place.people]
        self._opportunities = [each.opportunity for each in place.opportunities]
        self._texts = {each.name: f"{each.label}. {each.description}" for each in self._esco.occupations}
        self._offered = self._described()

    def all(self) -> dict[str, Callable[[], Numbers]]:
        """Return the name of each family → what computes its cosines."""
        return dict(
            zip(
                THRESHOLDS,
                (self._adjacency, self._wordings, self._titles, self._aims, self._semantic, self._aspirations),
                strict=True,
            )
        )

    def _adjacency(self) -> Numbers:
        vectors = np.stack(list(self._skills.values()))
        drawn = np.random.default_rng(SEED).choice(len(vectors), SKILLS_DRAWN, replace=False)
        cosines: Numbers = vectors[drawn] @ vectors.T
        cosines[np.arange(SKILLS_DRAWN), drawn] = -1
        return cosines.ravel()

    def _wordings(self) -> Numbers:
        standards = read_standards(datasets.folder("apprenticeships")).standards
        texts = [duty.label for each in standards for duty in each.duties]
        texts += [skill.label for skill in read_care_pathway(datasets.folder("uk-care")).skills]
        drawn = np.random.default_rng(SEED).choice(len(texts), WORDINGS_DRAWN, replace=False)
        return self._nearest([texts[place] for place in drawn.tolist()], list(self._labels.values()))

    def _titles(self) -> Numbers:
        standards = read_standards(datasets.folder("apprenticeships")).standards
        titles = [bare_title(each.title) for each in standards]
        return self._nearest(titles, [each.label for each in self._esco.occupations])

    def _nearest(self, texts: list[str], others: list[str]) -> Numbers:
        vectors, beside = self._embed(texts), self._embed(others)
        found: Numbers = np.concatenate(
            [(vectors[start : start + 512] @ beside.T).max(axis=1) for start in range(0, len(vectors), 512)]
        )
        return found

    def _aims(self) -> Numbers:
        labels = self._embed([each.label for each in self._esco.occupations])
        return (self._embed(self._written()) @ labels.T).ravel()

    def _aspirations(self) -> Numbers:
        return (self._embed(self._written()) @ self._offered.T).ravel()

    def _written(self) -> list[str]:
        return sorted({part for each in self._people for part in parts_of(each.preferences.aspiration)})

    def _semantic(self) -> Numbers:
        """Return the likeness of people with a role and skills: the role counts as much as half of these."""
        means = []
        for person in self._people:
            held = [self._skills[each.skill] for each in person.skills if each.skill in self._skills]
            roles = [each.occupation for each in person.employments if each.occupation in self._texts]
            if held and roles:
                role = self._embed([self._texts[roles[0]]])[0]
                means.append((2 * np.mean(held, axis=0) + role) / 3)
        return (np.stack(means) @ self._offered.T).ravel()

    def _described(self) -> Vectors:
        written = self._embed([f"{each.title}. {each.description}" for each in self._opportunities])
        found = []
        for opportunity, vector in zip(self._opportunities, written, strict=True):
            blended = DESCRIPTION * vector
            asked = [each.skill for each in opportunity.requirements if each.skill in self._skills]
            if asked:
                blended += SKILLS * unit(np.mean([self._skills[name] for name in asked], axis=0))
            if opportunity.occupation in self._texts:
                blended += OCCUPATION * self._embed([self._texts[opportunity.occupation]])[0]
            found.append(unit(blended))
        return np.stack(found)


def main() -> None:
    """Print each threshold, the share of pairs above it, and the cosine with the same share under the other model."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("one", help="the model that thresholds were judged under, as in CAREWEAVE_EMBEDDER")
    arguments.add_argument("other", help="the model to carry them to")
    chosen = arguments.parse_args()
    settings = read_settings(os.environ)
    one, other = (
        Families(open_embedder(replace(settings, embedder=model))).all() for model in (chosen.one, chosen.other)
    )
    for family, thresholds in THRESHOLDS.items():
        before, after = one[family](), other[family]()
        for threshold in thresholds:
            share = float((before >= threshold).mean())
            print(f"{family}: {threshold} → {float(np.quantile(after, 1 - share)):.3f} (above it {share:.4%})")


if __name__ == "__main__":
    main()

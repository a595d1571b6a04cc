"""All pairs, without what is withheld."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from careweave_skills.sources.care_pathway import read_care_pathway
from careweave_skills.sources.esco import Esco, read_esco
from careweave_skills.sources.standards import Standards, read_standards

from careweave import datasets
from training.care_pairs import pathway_pairs, pathway_relations, standard_pairs
from training.esco_pairs import esco_pairs, neighbours, requirements
from training.pair import Pair, Related
from training.withheld import Withheld, withhold


@dataclass(frozen=True, slots=True)
class Corpus:
    """pairs: to learn from. related: what else belongs together. The rest is for measuring."""

    pairs: tuple[Pair, ...]
    related: Related
    esco: Esco
    standards: Standards
    withheld: Withheld


def packaged_corpus(random: Random) -> Corpus:
    """Return the pairs that the packaged taxonomies give; the same for the same `random`."""
    esco = read_esco(datasets.folder("esco-v1.1.1"))
    standards = read_standards(datasets.folder("apprenticeships"))
    pathway = read_care_pathway(datasets.folder("uk-care"))
    withheld = withhold(esco)
    pairs = [
        *esco_pairs(esco, withheld, random),
        *standard_pairs(standards, random),
        *pathway_pairs(pathway, random),
    ]
    kept = tuple(dict.fromkeys(pair for pair in pairs if _usable(pair, withheld)))
    alike = {name: frozenset(others) for name, others in neighbours(esco).items()}
    sentences = {pair.anchor_concept: frozenset(pair.anchor_concept.split(":")[1:]) for pair in _made(kept)}
    needed = {name: skills | alike.get(name, frozenset()) for name, skills in requirements(esco).items()}
    return Corpus(kept, needed | pathway_relations(pathway) | sentences, esco, standards, withheld)


def _usable(pair: Pair, withheld: Withheld) -> bool:
    texts = {pair.anchor.strip().lower(), pair.positive.strip().lower()}
    return len(texts) > 1 and not texts & withheld.texts


def _made(pairs: Iterable[Pair]) -> Iterable[Pair]:
    return (pair for pair in pairs if pair.kind == "sentences")

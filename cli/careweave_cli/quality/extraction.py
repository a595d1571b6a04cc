"""Skill extraction: for each sentence, the skills found in it in order of confidence."""

from pathlib import Path

from careweave_skills.extraction import SkillExtractor
from careweave_skills.search import ConceptIndex
from careweave_skills.sources.esco import Esco
from careweave_skills.taxonomy import Scheme

from careweave.embedding.port import Embedder
from careweave.wording import fold
from careweave_cli.quality.measures import Figures, means, r_precision_at_5, reciprocal_rank
from careweave_cli.quality.packaged import embedding, packaged_esco, skill_concepts
from careweave_cli.quality.tables import named_rows, refuse
from careweave_cli.show.progress import Report


def run_extraction(path: Path, embedder: Embedder, report: Report) -> Figures:
    """Return `queries` (sentences), `rp@5` and `mrr` of skill extraction on a judged set.

    path: a CSV file with the columns `sentence` and `label`, one row for each ESCO skill, by its preferred label, of a
    sentence. Labels that the packaged ESCO does not have do not count, nor do sentences left without any.

    Raises:
        InvalidArgument: the file is missing or is not of this form.
    """
    esco = packaged_esco()
    judged = read_judged(path, esco)
    extractor = packaged_extractor(esco, embedder, report)
    rows = []
    for done, (sentence, skills) in enumerate(judged.items(), 1):
        found = extractor.extract(sentence, Scheme.ESCO, minimum_confidence=0.0).found
        relevance = [each.name in skills for each in found]
        rows.append({"rp@5": r_precision_at_5(relevance, len(skills)), "mrr": reciprocal_rank(relevance)})
        report("Extracting skills", done, len(judged))
    return means(rows)


def packaged_extractor(esco: Esco, embedder: Embedder, report: Report) -> SkillExtractor:
    """Return an extractor of ESCO skills that knows every label's vector."""
    index = ConceptIndex(skill_concepts(esco), embedder.dimension)
    wanted = index.wanted()
    index.learn(wanted, embedding(embedder, report, "Embedding ESCO skills")(wanted))
    return SkillExtractor(index, embedder.embed_transient)


def read_judged(path: Path, esco: Esco) -> dict[str, set[str]]:
    """Return sentence → names of its skills, in the file's order.

    Raises:
        InvalidArgument: the file is missing, is not of the form that `run_extraction` says, or has no known label.
    """
    names = {_key(skill.label): skill.name for skill in esco.skills}
    judged: dict[str, set[str]] = {}
    for _, (sentence, label) in named_rows(path, ("sentence", "label"), ","):
        if sentence.strip() and (name := names.get(_key(label))):
            judged.setdefault(sentence, set()).add(name)
    return judged or refuse(f"{path} has no sentence with the preferred label of an ESCO skill")


def _key(label: str) -> str:
    return " ".join(fold(label).split())

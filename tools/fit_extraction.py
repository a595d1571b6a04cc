"""Fit how skill extraction weighs its evidence and how sure it says it is; prints the numbers to put into the code.

    python tools/fit_extraction.py     # a minute once the labels are embedded

Weights are those of greatest likelihood on the halves of care.csv, vacancies.csv, general.csv and adverts.csv that are
for fitting; then the logistic function of confidence is fitted there. Figures and calibration are printed for both
halves, and figures by cross-validation inside the fitting halves. courses.csv, which names skills of another taxonomy,
is reported and chooses nothing.
"""

import os

from careweave_cli.quality.extraction import is_for_fitting, packaged_extractor, read_judged
from careweave_cli.quality.fitting import calibrated, chosen, cross_validated, mean_of, read_all, reliability, returned
from careweave_cli.quality.packaged import packaged_skills
from careweave_cli.quality.sets import SENTENCES
from careweave_skills.extraction import DEFAULT_CONFIDENCE, MOST_OF_A_SENTENCE
from careweave_skills.weighing import WEIGHTS

from careweave import datasets
from careweave.config import read_settings
from careweave.wiring import open_embedder

FITTED = ("care", "vacancies", "general", "adverts")


def main() -> None:
    """Fit and report."""
    concepts = packaged_skills()
    extractor = packaged_extractor(concepts, open_embedder(read_settings(os.environ)), lambda *_: None)
    folder = datasets.folder("eval/skill-extraction")
    sets = {name: read_all(read_judged(folder / f"{name}.csv", concepts), extractor) for name in SENTENCES}
    fitted = [sets[name] for name in FITTED]
    weights = calibrated(fitted, chosen(fitted, WEIGHTS))
    print(weights)
    for measure in ("rp@5", "mrr"):
        values = zip(FITTED, cross_validated(fitted, WEIGHTS, measure), strict=True)
        print(f"by cross-validation, {measure}: {', '.join(f'{name} {value:.3f}' for name, value in values)}")
    for name, read in sets.items():
        for half, wanted in (("fitted", True), ("held back", False)):
            part = [each for each in read if is_for_fitting(each.text) == wanted]
            figures = [
                f"{mean_of(part, its):.3f}, {mean_of(part, its, 'mrr'):.3f} ({words})"
                for words, its in (("before", WEIGHTS), ("fitted", weights))
            ]
            print(f"{name}, {half}, {len(part)} sentences: R-precision@5, MRR {'; '.join(figures)}")
        tested = [each for each in read if not is_for_fitting(each.text)]
        for low, said, right, count in reliability(tested, weights, MOST_OF_A_SENTENCE):
            print(f"    said from {low:.2f} (mean {said:.2f}): {right:.2f} are marked, of {count}")
        print(f"    from {DEFAULT_CONFIDENCE}: {returned(read, weights, DEFAULT_CONFIDENCE, MOST_OF_A_SENTENCE)}")


if __name__ == "__main__":
    main()

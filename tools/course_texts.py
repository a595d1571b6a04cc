"""Make the labelled set of course texts from the packaged Care Workforce Pathway.

    python tools/course_texts.py     # replaces data/eval/skill-extraction/courses.csv

A sentence is the title of a course (descriptions there are of whole groups of courses); its labels are the wordings of
the pathway's skills that the source says the course teaches. Courses that teach more than MOST are left out: a diploma
in care teaches half of the pathway, and says so in four words.
"""

import csv
from pathlib import Path

from careweave_skills.sources.care_pathway import read_care_pathway

from careweave import datasets

MOST = 13


def main() -> None:
    """Write the file, courses in the source's order, each text once."""
    pathway = read_care_pathway(datasets.folder("uk-care"))
    labels = {skill.name: skill.label for skill in pathway.skills}
    texts: dict[str, dict[str, None]] = {}
    for course in pathway.courses:
        texts.setdefault(course.title, {}).update(dict.fromkeys(labels[name] for name in course.develops))
    path = Path(__file__).parents[1] / "data" / "eval" / "skill-extraction" / "courses.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sentence", "label"))
        for text, skills in texts.items():
            if 0 < len(skills) <= MOST:
                writer.writerows((text, label) for label in skills)


if __name__ == "__main__":
    main()

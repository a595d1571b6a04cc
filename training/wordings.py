"""Sentences as vacancies, certificates and references have them, around labels of skills. All of them are our own."""

from typing import Final

DOING: Final = (
    ("{0}", "You will {0}.", "You will be asked to {0} every day.", "Someone who can {0} would fit well here.",
     "You must be able to {0}.", "We need you to {0} safely and kindly.", "In this post you {0}.",
     "She has learned to {0} without supervision.", "You know how to {0}, or are ready to learn it.",
     "As part of a small team you {0}.", "On some days you {0}."),
    ("You {0} and {1}.", "You will be expected to {0} and to {1}.", "We need someone who can {0} and {1}.",
     "Day to day you {0}; you also {1}.", "Your work: {0} and, when needed, {1}.",
     "To {0} is part of it, and so is to {1}."),
    ("We need someone who can {0}, {1} and {2}.", "You {0}, you {1} and you {2}.", "Tasks: {0}, {1}, {2}.",
     "You will help us to {0}, to {1} and to {2}."),
)  # fmt: skip
"""By the number of labels, for skills that are named by a verb."""
KNOWING: Final = (
    ("Experience of {0}.", "You have some experience of {0}.", "Training in {0} is given.",
     "Knowledge of {0} is wanted.",
     "A certificate in {0} would help.", "You understand {0}.", "Interest in {0}."),
    ("Experience of {0} and {1}.", "You bring knowledge of {0} and of {1}.", "Trained in {0} as well as {1}."),
    ("Experience of {0}, {1} and {2}.", "Sound knowledge of {0}, {1} or {2}."),
)  # fmt: skip
"""The same for knowledge, which is named by a noun."""

"""Which occupations are work of health and social care: what several services must agree on."""

from typing import Final

CARE_GROUPS: Final = frozenset({
    "1341", "1342", "1343", "1344",
    "2211", "2212", "2221", "2222", "2230", "2240", "2261", "2262", "2263", "2264", "2265", "2266", "2267", "2269",
    "2634", "2635",
    "3211", "3212", "3213", "3214", "3221", "3222", "3230", "3251", "3252", "3253", "3254", "3255", "3256", "3257",
    "3258", "3259", "3344", "3412",
    "5311", "5312", "5321", "5322", "5329",
})  # fmt: skip
"""Unit groups of ISCO-08 (ILO, 2012) whose occupations are of health and social care: managers of such services, health
professionals and associates but for animals, psychologists and social workers with their associates, medical
secretaries, personal care workers."""
CARING_GROUPS: Final = frozenset({
    "2211", "2212", "2221", "2222", "2264", "2265", "2266", "2267", "2269",
    "3221", "3222", "3251", "3253", "3255", "3256", "3258", "3259", "3412", "5321", "5322",
})  # fmt: skip
"""Those of them whose work is with the people who are cared for."""

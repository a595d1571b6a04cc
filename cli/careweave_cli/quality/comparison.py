"""Methods side by side on one judged set: each with its figure, its interval, and how far ours lies above it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from careweave_cli.quality.intervals import Interval, Resampling
from careweave_cli.quality.measures import means

Rows: TypeAlias = Sequence[Mapping[str, float]]
"""The measures of each query, in the set's order."""
OURS: Final = "Careweave"
EVERY: Final = "all"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured on one set.

    name: of the set. measure: the one that decides. methods: name → rows, all of the same queries in the same order;
    `OURS` is one. clusters: of each query, see `intervals`. slices: name → whether each query belongs to it.
    """

    name: str
    measure: str
    methods: Mapping[str, Rows]
    clusters: Sequence[Hashable]
    slices: Mapping[str, Sequence[bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """A method on some queries. figures: means of all measures. ours_less: ours less this one, by what decides."""

    figures: Mapping[str, float]
    interval: Interval
    ours_less: Interval


def standings(compared: Comparison) -> dict[str, dict[str, Standing]]:
    """Return slice → method → standing; the first slice is `EVERY`, and slices without queries are left out."""
    everyone = {EVERY: [True] * len(compared.clusters)}
    return {
        name: _of_slice(compared, [place for place, belongs in enumerate(members) if belongs])
        for name, members in (everyone | dict(compared.slices)).items()
        if any(members)
    }


def _of_slice(compared: Comparison, places: Sequence[int]) -> dict[str, Standing]:
    drawn = Resampling([compared.clusters[place] for place in places])
    ours = [compared.methods[OURS][place][compared.measure] for place in places]
    found = {}
    for method, rows in compared.methods.items():
        theirs = [rows[place][compared.measure] for place in places]
        differences = [one - other for one, other in zip(ours, theirs, strict=True)]
        figures = means([rows[place] for place in places])
        found[method] = Standing(figures, drawn.interval(theirs), drawn.interval(differences))
    return found


def as_json(compared: Comparison) -> dict[str, object]:
    """Return our figures, with `interval`, `methods` and `slices` beside them, as one object of JSON."""
    slices = {name: _json_of(methods) for name, methods in standings(compared).items()}
    return {"measure": compared.measure, **slices.pop(EVERY), "slices": slices}


def _json_of(methods: Mapping[str, Standing]) -> dict[str, object]:
    ours = methods[OURS]
    others = {
        name: {
            **_rounded(each.figures),
            "interval": _bounds(each.interval),
            "ours_less": {"mean": round(each.ours_less.mean, 6), "interval": _bounds(each.ours_less)},
        }
        for name, each in methods.items()
        if name != OURS
    }
    return {**_rounded(ours.figures), "interval": _bounds(ours.interval), "methods": others}


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in figures.items()}


def _bounds(interval: Interval) -> list[float]:
    return [round(interval.low, 6), round(interval.high, 6)]

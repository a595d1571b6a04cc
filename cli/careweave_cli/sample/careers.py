"""Where fictional people work and have worked: one to four employments that lead to one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from careweave.v1.profiles_pb2 import Employment
from careweave_cli.sample.calendar import as_message, months_before
from careweave_cli.sample.catalogue import Catalogue
from careweave_cli.sample.chance import happens, spread, weighted
from careweave_cli.sample.pay import BANDS
from careweave_cli.sample.records import Employer, Role, employers, roles, roles_in, suited

SHARES: Final = {
    "home_care": 0.33,
    "nhs": 0.23,
    "care_home": 0.17,
    "primary_care": 0.075,
    "council": 0.065,
    "voluntary": 0.065,
    "hospice": 0.035,
    "education": 0.03,
}
"""Share of those with a job that works in each sector: home care above all."""
_MEAN_MONTHS: Final = {1: 28.0, 2: 40.0, 3: 44.0, 4: 52.0, 5: 60.0}
"""Mean time in the present post by rung."""
_MOST_POSTS: Final = 4
_FULL_TIME: Final = 37.5
_PART_TIME: Final = (16.0, 20.0, 22.5, 24.0, 25.0, 28.0, 30.0, 32.0)


@dataclass(frozen=True, slots=True)
class Post:
    """A time in a role. months_ago: when it began and, 0 if it goes on, when it ended."""

    role: Role
    employer: Employer
    site: str
    title: str
    began_months_ago: float
    ended_months_ago: float
    weekly_hours: float

    @property
    def years(self) -> float:
        """How long it has lasted."""
        return (self.began_months_ago - self.ended_months_ago) / 12


def draw_employer(chance: Random) -> Employer:
    """Return where somebody works: a sector by its share, then an organisation by its weight."""
    sector = weighted(chance, SHARES)
    return weighted(chance, {one: one.weight for one in employers().values() if one.sector == sector})


def draw_career(chance: Random, employer: Employer, ended_months_ago: float = 0) -> list[Post]:
    """Return posts, newest first; the newest is with `employer` and ended `ended_months_ago` (0: goes on)."""
    role = weighted(chance, roles_in(employer.setting))
    posts = [_post(chance, role, employer, ended_months_ago)]
    while len(posts) < _MOST_POSTS and posts[-1].role.before and happens(chance, 0.58):
        earlier = roles()[chance.choice(posts[-1].role.before)]
        settings = {one: one.weight for one in employers().values() if one.setting in earlier.staff}
        gap = chance.choice((0, 0, 0, 0, 1, 2, 5, 9))
        posts.append(_post(chance, earlier, weighted(chance, settings), posts[-1].began_months_ago + gap))
    return posts


def as_employments(posts: Sequence[Post], catalogue: Catalogue, today: date) -> list[Employment]:
    """Return `posts` as messages, in their order."""
    return [_employment(post, catalogue, today) for post in posts]


def _post(chance: Random, role: Role, employer: Employer, ended_months_ago: float) -> Post:
    months = spread(chance, _MEAN_MONTHS[role.rung], _MEAN_MONTHS[role.rung] * 0.7, 2, 300)
    hours = _FULL_TIME if happens(chance, 0.4 + 0.08 * role.rung) else chance.choice(_PART_TIME)
    return Post(
        role, employer, chance.choice(employer.at), chance.choice(suited(role.titles, employer.setting)),
        ended_months_ago + months, ended_months_ago, hours,
    )  # fmt: skip


def _employment(post: Post, catalogue: Catalogue, today: date) -> Employment:
    employment = Employment(
        organisation=post.employer.name,
        occupation=catalogue.occupation(post.role.occupation),
        job_title=post.title,
        pay_band=BANDS[post.role.band].name,
        start_date=as_message(months_before(today, post.began_months_ago)),
        weekly_hours=post.weekly_hours,
    )
    if post.ended_months_ago:
        employment.end_date.CopyFrom(as_message(months_before(today, post.ended_months_ago)))
    return employment

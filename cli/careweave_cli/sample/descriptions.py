"""The role descriptions of the sample: genuine in tone, fictional in fact, and clearly different from one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from careweave.v1 import common_pb2, profiles_pb2
from careweave.v1.common_pb2 import CredentialRequirement
from careweave_cli.sample.calendar import in_words
from careweave_cli.sample.demands import Demand
from careweave_cli.sample.documents import works_in_care
from careweave_cli.sample.geography import rurality_of, town_of
from careweave_cli.sample.offers import (
    APPRENTICESHIP,
    COURSE,
    JOB,
    MENTORING,
    PLACEMENT,
    PROJECT,
    SECONDMENT,
    SHADOWING,
    Offer,
    course_level,
)
from careweave_cli.sample.terms import Terms
from careweave_cli.sample.wishes import article
from careweave_cli.sample.wording import Composer, paragraphs, plain

KIND_WORDS: Final = {
    JOB: "job",
    SECONDMENT: "secondment",
    APPRENTICESHIP: "apprenticeship",
    COURSE: "course",
    PLACEMENT: "placement",
    SHADOWING: "shadowing",
    PROJECT: "project",
    MENTORING: "mentoring",
}
_DBS_WORDS: Final = {
    common_pb2.DBS_LEVEL_BASIC: "dbs_basic",
    common_pb2.DBS_LEVEL_STANDARD: "dbs_standard",
    common_pb2.DBS_LEVEL_ENHANCED: "dbs_enhanced",
    common_pb2.DBS_LEVEL_ENHANCED_BARRED_LISTS: "dbs_enhanced_barred_lists",
}
_CHECK_WORDS: Final = {
    common_pb2.CREDENTIAL_KIND_REGISTRATION: "registration",
    common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING: "training",
    common_pb2.CREDENTIAL_KIND_DRIVING_LICENCE: "driving",
}
_SUPPORT: Final = {
    JOB: "paid",
    SECONDMENT: "paid",
    APPRENTICESHIP: "apprentice",
    COURSE: "course",
    PLACEMENT: "learner",
    SHADOWING: "learner",
    PROJECT: "project",
    MENTORING: "mentor",
}
_SHORT_WORDS: Final = 4
"""Words of the longest place of work that a title can carry."""
_SMALL_WORDS: Final = ("and", "in", "of", "for", "the", "with", "to", "from", "or", "on", "at", "by")


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a description speaks of.

    title, about: the role's title, and where in the setting. needs: the credentials asked for.
    """

    offer: Offer
    title: str
    about: str
    demand: Demand
    terms: Terms
    needs: Sequence[CredentialRequirement]


def titled(offer: Offer, role_title: str, about: str) -> str:
    """Return the title of `offer`, around `role_title` in `about`."""
    if offer.kind == APPRENTICESHIP and offer.standard:
        return f"Apprentice: {standard_title(offer)} (level {offer.standard.level})"
    if offer.kind == COURSE:
        return course_title(offer)
    if offer.kind == PROJECT and offer.theme:
        return f"Project: {offer.theme.title}"
    lead = {
        SECONDMENT: f"Secondment: {role_title}",
        PLACEMENT: f"Placement: {role_title}",
        SHADOWING: f"Shadow {article(role_title)}",
        MENTORING: f"Mentoring with {article(role_title)}",
    }.get(offer.kind, role_title)
    place = town_of(offer.site) if offer.site else "online"
    return f"{lead}, {about}" if len(about.split()) <= _SHORT_WORDS and offer.number % 2 else f"{lead}, {place}"


def describe(chance: Random, draft: Draft) -> str:
    """Return a role description for `draft` in sentences drawn by `chance`."""
    offer, terms, needs = draft.offer, draft.terms, draft.needs
    composer = Composer(chance, _slots(draft), _queues(chance, offer, draft.demand))
    kind = KIND_WORDS[offer.kind]
    opening = composer.say("opening", kind)
    middle = _middle(chance, composer, offer)
    chance.shuffle(middle)
    ending = [*_support(chance, composer, offer), *composer.say("closing", "paid" if terms.band else "other")]
    conditions = _terms(chance, composer, offer, terms)
    return paragraphs(chance, opening, *middle, conditions, _checks(composer, needs), ending)


def standard_title(offer: Offer) -> str:
    """Return the title of the apprenticeship standard without what it adds in brackets."""
    return offer.standard.title.partition(" (")[0].replace(" - integrated degree", "") if offer.standard else ""


def course_title(offer: Offer) -> str:
    """Return the title of a course with its level."""
    if not offer.course:
        return offer.theme.title if offer.theme else ""
    words = offer.course.title.split()
    small = [word.lower() if word.lower() in _SMALL_WORDS else word for word in words[1:]]
    title = " ".join([*words[:1], *small])
    level = course_level(offer.course)
    return title if level.lower() in title.lower() else f"{title} ({level})"


def _middle(chance: Random, composer: Composer, offer: Offer) -> list[list[str]]:
    """Return the groups of sentences on the work, in an order that may be changed."""
    sector = offer.employer.sector
    about_us = [*composer.maybe(0.45, "about_org", sector), *composer.maybe(0.6, "people", sector)]
    if offer.kind == COURSE:
        own = [composer.fill(line) for line in offer.theme.lines] if offer.theme else []
        taught = [sentence for _ in range(chance.randint(2, 4)) for sentence in composer.say("skills", "teach")]
        return [own, taught, about_us[:1]]
    if offer.kind == PROJECT:
        own = list(offer.theme.lines) if offer.theme else []
        return [own, composer.say("skills", "want"), composer.maybe(0.5, "skills", "know"), about_us[:1]]
    if offer.kind in (PLACEMENT, SHADOWING, MENTORING):
        learn = [sentence for _ in range(chance.randint(2, 3)) for sentence in composer.say("duties", "learn")]
        learn += composer.say("duties", "practise") if offer.kind == PLACEMENT else []
        return [learn, about_us, composer.maybe(0.8, "skills", "bring")]
    duties = _training_duties(composer) if offer.kind == APPRENTICESHIP else _duties(chance, composer)
    wants = [*composer.say("skills", "want"), *composer.maybe(0.7, "skills", "want")]
    return [duties, about_us, [*wants, *composer.maybe(0.5, "skills", "know")]]


def _duties(chance: Random, composer: Composer) -> list[str]:
    first, second = chance.sample(("three", "two"), 2)
    return [*composer.say("duties", first), *composer.say("duties", second), *composer.maybe(0.6, "duties", "one")]


def _training_duties(composer: Composer) -> list[str]:
    return [*composer.say("duties", "train"), *composer.say("duties", "train"), *composer.maybe(0.5, "duties", "train")]


def _terms(chance: Random, composer: Composer, offer: Offer, terms: Terms) -> list[str]:
    if terms.band is None:
        if offer.kind == PLACEMENT:
            return composer.say("shifts", "placement")
        return [*composer.say("shifts", "light"), *composer.maybe(0.4, "pay", "free")]
    found = [*composer.say("shifts", _pattern(offer, terms)), *composer.maybe(0.8, "pay", "paid")]
    chance.shuffle(found)
    return found


def _pattern(offer: Offer, terms: Terms) -> str:
    if terms.unsocial:
        return "rounds" if offer.employer.setting == "home_care" else "rota"
    return "daytime" if works_in_care(offer.role) else "days"


def _checks(composer: Composer, needs: Sequence[CredentialRequirement]) -> list[str]:
    found: list[str] = []
    for need in needs:
        if need.kind == common_pb2.CREDENTIAL_KIND_DBS:
            found += composer.say("checks", _DBS_WORDS[need.dbs_level])
        elif need.kind in _CHECK_WORDS:
            composer.put("training", need.title.lower())
            found += composer.say("checks", _CHECK_WORDS[need.kind])
    return found


def _support(chance: Random, composer: Composer, offer: Offer) -> list[str]:
    found: list[str] = []
    if offer.site and rurality_of(offer.site) == profiles_pb2.RURALITY_RURAL:
        found += composer.maybe(0.5, "checks", "rural")
    elif offer.site:
        found += composer.maybe(0.2, "checks", "bus")
    for _ in range(chance.randint(1, 3)):
        found += composer.say("support", _SUPPORT[offer.kind])
    return found


def _slots(draft: Draft) -> dict[str, str]:
    offer, title, terms = draft.offer, draft.title, draft.terms
    register = [need.title for need in draft.needs if need.kind == common_pb2.CREDENTIAL_KIND_REGISTRATION]
    slots = {
        "title": title,
        "a_title": article(title),
        "org": offer.employer.title,
        "town": town_of(offer.site) if offer.site else "",
        "about": draft.about,
        "start": in_words(terms.start),
        "end": in_words(terms.end) if terms.end else "",
        "closing": in_words(terms.closing),
        "length": terms.length,
        "time": terms.time,
        "register": register[0] if register else "",
        "subject": offer.theme.subject if offer.theme else "",
        "course": f'"{course_title(offer)}"' if offer.kind == COURSE else "",
    }
    if terms.band:
        slots |= {"band": terms.band.name, "pay": _pay_words(terms), "hours": _hours_words(terms)}
    if offer.course:
        level = course_level(offer.course)
        award = f"{level[:1].lower()}{level[1:]}"
        slots |= {"award": f"an {award}" if award[:1] == "e" else f"a {award}"}
        slots |= {"award_body": offer.course.awarding_organisation}
    if offer.standard:
        months = str(offer.standard.duration_months)
        slots |= {"standard": standard_title(offer), "level": str(offer.standard.level), "months": months}
    return slots


def _queues(chance: Random, offer: Offer, demand: Demand) -> dict[str, list[str]]:
    """Return what is done, skills and knowledge, each in random order."""
    wanted = [*demand.essential, *demand.optional]
    named = demand.develops if offer.kind == COURSE else wanted
    short = [skill for skill in named if skill.fits_a_sentence]
    able = [plain(skill.label) for skill in short if not skill.is_a_field]
    known = [plain(skill.label) for skill in short if skill.is_a_field]
    duties = list(offer.role.duties)
    for texts in (duties, able, known):
        chance.shuffle(texts)
    return {"d": duties, "s": able, "k": known}


def _pay_words(terms: Terms) -> str:
    band = terms.band
    if band is None:
        return ""
    return f"£{band.least:,}" if band.least == band.most else f"£{band.least:,} to £{band.most:,}"


def _hours_words(terms: Terms) -> str:
    if terms.least_hours == terms.most_hours:
        return f"{terms.least_hours:g} hours a week"
    return f"between {terms.least_hours:g} and {terms.most_hours:g} hours a week"

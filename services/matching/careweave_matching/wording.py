"""Plain words for gates and reasons. Sentences are short and say the same to the person and to an employer."""

from datetime import date

from careweave_matching.credentials import Cause
from careweave_matching.model import CredentialNeed, Wishes
from careweave_matching.terms import CredentialKind, DbsLevel, TravelMode
from careweave_matching.travel import MODE_WORDS

_DBS_WORDS = {
    DbsLevel.UNSPECIFIED: "DBS certificate",
    DbsLevel.BASIC: "basic DBS certificate",
    DbsLevel.STANDARD: "standard DBS certificate",
    DbsLevel.ENHANCED: "enhanced DBS certificate",
    DbsLevel.ENHANCED_BARRED_LISTS: "enhanced DBS certificate with barred lists",
}
_KIND_WORDS = {
    CredentialKind.REGISTRATION: "professional registration",
    CredentialKind.MANDATORY_TRAINING: "mandatory training",
    CredentialKind.RIGHT_TO_WORK: "right to work",
    CredentialKind.DRIVING_LICENCE: "driving licence",
    CredentialKind.QUALIFICATION: "qualification",
}


def day(when: date) -> str:
    """Return a date as "3 May 2027"."""
    return f"{when.day} {when:%B %Y}"


def number(hours: float) -> str:
    """Return hours without needless decimals."""
    return f"{hours:g}"


def still_open(closing: date | None) -> str:
    """Say that interest is taken."""
    return f"Open until {day(closing)}." if closing else "Open."


def closed(closing: date | None) -> str:
    """Say that interest is no longer taken."""
    return f"Closed; interest was taken until {day(closing)}." if closing else "Closed."


def journey(minutes: int, mode: TravelMode, limit: int, *, fits: bool) -> str:
    """Say how the journey compares with the limit."""
    where = "within" if fits else "beyond"
    return f"About {minutes} minutes {MODE_WORDS[mode]}, {where} the limit of {limit}."


def span_of_hours(least: float, most: float) -> str:
    """Return weekly hours as "20 to 30" or "30"."""
    return number(most) if least in (0.0, most) else f"{number(least)} to {number(most)}"


def hours_fit(least: float, most: float) -> str:
    """Say that the hours fit."""
    return f"{span_of_hours(least, most)} hours a week fit."


def hours_apart(least: float, most: float, wishes: Wishes) -> str:
    """Say that the hours do not overlap."""
    wished = [f"at least {number(wishes.minimum_hours)}"] if wishes.minimum_hours else []
    if wishes.maximum_hours:
        wished.append(f"at most {number(wishes.maximum_hours)}")
    return f"{span_of_hours(least, most)} hours a week; {' and '.join(wished)} are wished for."


def credential_words(need: CredentialNeed) -> str:
    """Return what `need` asks for, as a noun without an article."""
    if need.kind == CredentialKind.DBS:
        return _DBS_WORDS[DbsLevel(need.dbs_level)]
    words = _KIND_WORDS[CredentialKind(need.kind)]
    return f"{words} ({need.title})" if need.title else words


def with_article(words: str) -> str:
    """Return `words` with "a" or "an" before them, and "the" where the field says so."""
    if words.startswith(_KIND_WORDS[CredentialKind.RIGHT_TO_WORK]):
        return f"the {words}"
    if words.startswith(_KIND_WORDS[CredentialKind.MANDATORY_TRAINING]):
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def credential(need: CredentialNeed, cause: Cause) -> str:
    """Say how the person stands to `need`."""
    sentence = _standing_sentence(need, cause)
    return f"{sentence[:-1]}; the employer provides it." if cause and need.provided_by_employer else sentence


def _standing_sentence(need: CredentialNeed, cause: Cause) -> str:
    words = credential_words(need)
    return {
        Cause.MET: f"Has {with_article(words)}.",
        Cause.ABSENT: f"Has no {words}.",
        Cause.LAPSED: f"The {words} has lapsed, or lapses too early.",
        Cause.LONG_LAPSED: f"The {words} lapsed more than three years ago: return to practice comes first.",
        Cause.LEVEL_TOO_LOW: f"Has a DBS certificate, but not {with_article(words)}.",
        Cause.TOO_OLD: (
            f"The {words} is older than {need.recheck_months} months and not kept current by the Update Service."
        ),
        Cause.NOT_RECORDED: f"The profile does not mention {with_article(words)}.",
        Cause.LEVEL_NOT_RECORDED: "The profile does not say which level the DBS certificate has.",
        Cause.ISSUE_NOT_RECORDED: "The profile does not say when the DBS certificate was issued.",
    }[cause]


def credential_action(need: CredentialNeed, cause: Cause) -> str:
    """Say what mends a lack."""
    words = credential_words(need)
    if need.provided_by_employer:
        return f"Start; the employer provides {with_article(words)}."
    match need.kind:
        case CredentialKind.DBS:
            return f"Apply for {with_article(words)} through the employer."
        case CredentialKind.REGISTRATION:
            return f"Apply for readmission: {words}."
        case _ if cause == Cause.LAPSED:
            return f"Renew: {words}."
        case _:
            return f"Get {with_article(words)}."

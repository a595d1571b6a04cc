"""What fictional people hold: registrations, DBS certificates, training, right to work, licences, qualifications."""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Final

from careweave.v1 import common_pb2
from careweave.v1.profiles_pb2 import Credential
from careweave_cli.sample.calendar import as_message, months_before
from careweave_cli.sample.careers import Post
from careweave_cli.sample.chance import happens, some
from careweave_cli.sample.records import Role, book

CARE_TRAINING: Final = (
    "Moving and handling",
    "Safeguarding adults",
    "Infection prevention and control",
    "Basic life support",
    "Fire safety",
)
OFFICE_TRAINING: Final = ("Information governance", "Fire safety", "Safeguarding adults")
DBS_OF_SETTING: Final = {
    "practice": common_pb2.DBS_LEVEL_ENHANCED,
    "council": common_pb2.DBS_LEVEL_ENHANCED,
    "university": common_pb2.DBS_LEVEL_STANDARD,
    "college": common_pb2.DBS_LEVEL_ENHANCED,
}
"""Usual level by setting; elsewhere, enhanced with barred lists for those in regulated activity."""
_OFFICE_ROLES: Final = frozenset(
    {
        "ward_clerk",
        "clinical_coder",
        "data_analyst",
        "it_support",
        "digital_lead",
        "informatics_manager",
        "project_officer",
        "receptionist_gp",
        "practice_manager",
        "commissioner",
        "education_admin",
        "fundraiser",
        "kitchen_assistant",
        "cook",
        "health_manager",
        "benefits_adviser",
    }
)
_PRACTICE_MONTHS: Final = 24
"""Time out of practice after which a registration is not renewed in the sample."""
_VISA: Final = "Health and Care Worker visa"


def works_in_care(role: Role) -> bool:
    """Tell whether `role` gives care itself, so that barred lists are checked and care training is asked for."""
    return role.key not in _OFFICE_ROLES


def dbs_level_of(role: Role, setting: str) -> "common_pb2.DbsLevel.ValueType":
    """Return the DBS level that `role` in `setting` needs."""
    if setting == "university" or (not works_in_care(role) and setting in ("council", "voluntary")):
        return common_pb2.DBS_LEVEL_BASIC
    if not works_in_care(role):
        return common_pb2.DBS_LEVEL_STANDARD
    return DBS_OF_SETTING.get(setting, common_pb2.DBS_LEVEL_ENHANCED_BARRED_LISTS)


def training_of(role: Role) -> list[str]:
    """Return the mandatory training that `role` is asked for."""
    titles = list(CARE_TRAINING if works_in_care(role) else OFFICE_TRAINING)
    if "assist in the administration of medication to elderly" in role.skills:
        titles.append("Medicines administration")
    if role.key in ("cook", "kitchen_assistant", "home_care_aide"):
        titles.append("Food hygiene")
    return titles


def draw_documents(chance: Random, posts: Sequence[Post], today: date, *, licence: bool) -> list[Credential]:
    """Return the credentials of somebody with `posts`, newest first.

    licence: whether they hold a driving licence.
    """
    found = [*_registrations(chance, posts, today), *_dbs(chance, posts, today), _right_to_work(chance, posts, today)]
    if posts and not posts[0].ended_months_ago:
        found += _training(chance, posts[0].role, today)
    if licence:
        found.append(Credential(kind=common_pb2.CREDENTIAL_KIND_DRIVING_LICENCE))
    found += _qualifications(chance, posts, today)
    return found


def _registrations(chance: Random, posts: Sequence[Post], today: date) -> list[Credential]:
    """Return one entry for each register that a post required; it lapses in time after the last such post."""
    found = {}
    for post in posts:
        register = post.role.register
        if not register or register in found:
            continue
        # The person had it from the first post that needed it; a gap of years ends it.
        first = max(each.began_months_ago for each in posts if each.role.register == register)
        left = chance.uniform(1, 23)
        out_of_practice = post.ended_months_ago > _PRACTICE_MONTHS or (
            not post.ended_months_ago and happens(chance, 0.015)
        )
        expires = max(1.0, post.ended_months_ago - left) if out_of_practice else -left
        found[register] = _dated(common_pb2.CREDENTIAL_KIND_REGISTRATION, register, first + 2, expires, today)
    return list(found.values())


def _dbs(chance: Random, posts: Sequence[Post], today: date) -> list[Credential]:
    if not posts and happens(chance, 0.45):
        return []
    level = dbs_level_of(posts[0].role, posts[0].employer.setting) if posts else common_pb2.DBS_LEVEL_ENHANCED
    newest = min(posts[0].began_months_ago, 96) if posts else 30
    months = newest if happens(chance, 0.6) else chance.uniform(0, newest)
    return [
        Credential(
            kind=common_pb2.CREDENTIAL_KIND_DBS,
            issue_date=as_message(months_before(today, months)),
            dbs_level=level,
            update_service=happens(chance, 0.45),
        )
    ]


def _right_to_work(chance: Random, posts: Sequence[Post], today: date) -> Credential:
    sponsored = bool(posts) and works_in_care(posts[0].role) and happens(chance, 0.13)
    if not sponsored:
        return Credential(kind=common_pb2.CREDENTIAL_KIND_RIGHT_TO_WORK)
    return _dated(common_pb2.CREDENTIAL_KIND_RIGHT_TO_WORK, _VISA, chance.uniform(1, 24), -chance.uniform(2, 36), today)


def _training(chance: Random, role: Role, today: date) -> list[Credential]:
    lasting = book("words")["training"]
    found = []
    for title in training_of(role):
        if happens(chance, 0.08):
            continue
        lapsed = happens(chance, 0.1)
        left = -chance.uniform(0.1, 8) if lapsed else chance.uniform(0.2, lasting[title])
        found.append(_dated(common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING, title, lasting[title] - left, -left, today))
    return found


def _qualifications(chance: Random, posts: Sequence[Post], today: date) -> list[Credential]:
    titles: list[str] = []
    rung = max((post.role.rung for post in posts), default=0)
    in_care = any(works_in_care(post.role) for post in posts)
    if any(post.role.register for post in posts):
        titles.append("Degree or diploma leading to registration")
    elif in_care:
        titles += [title for title, least, share in _LADDER if rung >= least and happens(chance, share)]
    if happens(chance, 0.35):
        titles.append("Functional Skills English and maths level 2")
    began = max((post.began_months_ago for post in posts), default=12)
    return [
        _dated(common_pb2.CREDENTIAL_KIND_QUALIFICATION, title, chance.uniform(1, began + 1), None, today)
        for title in some(chance, titles, 3)
    ]


_LADDER: Final = (
    ("Care Certificate", 1, 0.55),
    ("Level 2 Diploma in Care", 1, 0.4),
    ("Level 3 Diploma in Adult Care", 2, 0.5),
    ("Level 5 Diploma in Leadership and Management for Adult Care", 5, 0.7),
)
"""Title, rung from which people have it, share of these who do."""


def _dated(
    kind: "common_pb2.CredentialKind.ValueType", title: str, issued: float, expires: float | None, today: date
) -> Credential:
    """Return a credential; `issued` and `expires` in months before today, negative if to come."""
    credential = Credential(kind=kind, title=title, issue_date=as_message(months_before(today, issued)))
    if expires is not None:
        credential.expire_date.CopyFrom(as_message(months_before(today, min(expires, issued))))
    return credential

"""The use-cases of equality declarations, on a real store in a file."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from careweave_planning.declarations import get_declaration, update_declaration, withdraw_declaration
from careweave_planning.export import export_person
from careweave_planning.opening import open_store
from careweave_planning.ports import DeclarationStore, Ports
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.config import Settings
from careweave.errors import Conflict, Forbidden, InvalidArgument, NotFound
from careweave.policy import Caller, Role
from careweave.v1 import planning_pb2 as pb
from careweave.v1.common_pb2 import Date, ExportPersonRequest

NAME: Final = "people/anna/equalityDeclaration"
ANNA: Final = Caller("people/anna", Role.PERSON)
OTHERS: Final = [
    Caller("people/benn", Role.PERSON),
    *(Caller("people/anna", role, "organisations/oaks") for role in Role if role not in (Role.PERSON, Role.OPERATOR)),
    Caller("", Role.OPERATOR),
    Caller("", Role.SERVICE),
]
Call: TypeAlias = Callable[[Ports, Caller], Awaitable[object]]


@dataclass
class Desk:
    """A store, and a clock that a test sets."""

    store: DeclarationStore
    now: datetime = field(default=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))

    @property
    def ports(self) -> Ports:
        """Return the ports of the use-cases."""
        return Ports(self.store, lambda: self.now)

    async def declare(self, *paths: str, etag: str = "", allow_missing: bool = True, **answers: int) -> object:
        """Write these answers as Anna."""
        declaration = pb.EqualityDeclaration(name=NAME, etag=etag)
        for answered, answer in answers.items():
            setattr(declaration, answered, answer)
        request = pb.UpdateEqualityDeclarationRequest(
            equality_declaration=declaration, update_mask=FieldMask(paths=paths), allow_missing=allow_missing
        )
        return await update_declaration(self.ports, ANNA, request)

    async def read(self) -> pb.EqualityDeclaration:
        """Return what Anna has declared."""
        return await get_declaration(self.ports, ANNA, pb.GetEqualityDeclarationRequest(name=NAME))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await open_store(Settings(equality=f"sqlite:{tmp_path / 'equality.db'}"), secrets.token_bytes)
    yield Desk(store)
    await store.close()


CALLS: dict[str, Call] = {
    "update": lambda ports, caller: update_declaration(
        ports,
        caller,
        pb.UpdateEqualityDeclarationRequest(
            equality_declaration=pb.EqualityDeclaration(name=NAME, sex=pb.SEX_MALE), allow_missing=True
        ),
    ),
    "get": lambda ports, caller: get_declaration(ports, caller, pb.GetEqualityDeclarationRequest(name=NAME)),
    "withdraw": lambda ports, caller: withdraw_declaration(
        ports, caller, pb.WithdrawEqualityDeclarationRequest(name=NAME)
    ),
}


@pytest.mark.parametrize("caller", OTHERS, ids=lambda caller: str(caller.role))
async def test_a_declaration_is_closed_to_every_other_caller_whether_or_not_there_is_one(
    desk: Desk, caller: Caller
) -> None:
    refusals = set()
    for _ in range(2):
        for call in CALLS.values():
            with pytest.raises(Forbidden) as error:
                await call(desk.ports, caller)
            refusals.add(str(error.value))
        await desk.declare(sex=pb.SEX_FEMALE)
    assert len(refusals) == len(CALLS)
    assert not any("anna" in refusal for refusal in refusals)
    assert (await desk.read()).sex == pb.SEX_FEMALE


async def test_not_answering_is_not_the_same_as_not_saying(desk: Desk) -> None:
    await desk.declare(religion=pb.RELIGION_PREFER_NOT_TO_SAY)
    kept = await desk.read()
    assert kept.religion == pb.RELIGION_PREFER_NOT_TO_SAY
    assert kept.ethnic_group == pb.ETHNIC_GROUP_UNSPECIFIED


async def test_answers_that_are_not_named_stay_and_one_that_is_named_and_not_given_is_taken_back(desk: Desk) -> None:
    await desk.declare(sex=pb.SEX_FEMALE, religion=pb.RELIGION_SIKH)
    await desk.declare(age_band=pb.AGE_BAND_25_TO_34)
    await desk.declare("religion", sex=pb.SEX_MALE)
    kept = await desk.read()
    assert (kept.sex, kept.religion, kept.age_band) == (
        pb.SEX_FEMALE,
        pb.RELIGION_UNSPECIFIED,
        pb.AGE_BAND_25_TO_34,
    )
    await desk.declare("*", disability=pb.DISABILITY_NONE)
    kept = await desk.read()
    assert (kept.sex, kept.disability) == (pb.SEX_UNSPECIFIED, pb.DISABILITY_NONE)


async def test_the_day_of_the_last_declaration_is_the_one_time_that_is_kept(desk: Desk) -> None:
    await desk.declare(sex=pb.SEX_FEMALE)
    desk.now = datetime(2026, 3, 9, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    await desk.declare(sex=pb.SEX_FEMALE)
    assert (await desk.read()).declare_date == Date(year=2026, month=3, day=8)
    times = {each.name for each in pb.EqualityDeclaration.DESCRIPTOR.fields if each.message_type is not None}
    assert times == {"declare_date"}


async def test_a_caller_sets_neither_the_day_nor_the_name(desk: Desk) -> None:
    given = pb.EqualityDeclaration(name=NAME, declare_date=Date(year=1999, month=1, day=1), sex=pb.SEX_MALE)
    request = pb.UpdateEqualityDeclarationRequest(
        equality_declaration=given, update_mask=FieldMask(paths=["*"]), allow_missing=True
    )
    await update_declaration(desk.ports, ANNA, request)
    kept = await desk.read()
    assert (kept.name, kept.declare_date.year) == (NAME, 2026)


async def test_an_etag_fits_what_was_read_and_nothing_since(desk: Desk) -> None:
    await desk.declare(sex=pb.SEX_FEMALE)
    etag = (await desk.read()).etag
    await desk.declare(etag=etag, religion=pb.RELIGION_NONE)
    with pytest.raises(Conflict) as error:
        await desk.declare(etag=etag, religion=pb.RELIGION_HINDU)
    assert error.value.reason == "ETAG_STALE"
    assert (await desk.read()).religion == pb.RELIGION_NONE
    await withdraw_declaration(desk.ports, ANNA, pb.WithdrawEqualityDeclarationRequest(name=NAME))
    with pytest.raises(Conflict):
        await desk.declare(etag=etag, religion=pb.RELIGION_HINDU)


async def test_none_is_made_unless_that_is_asked_for(desk: Desk) -> None:
    with pytest.raises(NotFound) as error:
        await desk.declare(allow_missing=False, sex=pb.SEX_MALE)
    assert error.value.reason == "DECLARATION_NOT_FOUND"
    with pytest.raises(NotFound):
        await desk.read()


async def test_a_mask_that_names_no_answer_is_refused_by_field(desk: Desk) -> None:
    with pytest.raises(InvalidArgument) as error:
        await desk.declare("shoe_size")
    assert error.value.violations[0].field == "update_mask.paths[0]"
    with pytest.raises(NotFound):
        await desk.read()


async def test_withdrawing_twice_is_said_unless_it_is_allowed_for(desk: Desk) -> None:
    await desk.declare(sex=pb.SEX_MALE)
    await withdraw_declaration(desk.ports, ANNA, pb.WithdrawEqualityDeclarationRequest(name=NAME))
    with pytest.raises(NotFound):
        await withdraw_declaration(desk.ports, ANNA, pb.WithdrawEqualityDeclarationRequest(name=NAME))
    await withdraw_declaration(desk.ports, ANNA, pb.WithdrawEqualityDeclarationRequest(name=NAME, allow_missing=True))


async def test_the_longest_name_with_every_answer_fits_the_length_that_all_are_padded_to(desk: Desk) -> None:
    full = pb.EqualityDeclaration(name=f"people/{'x' * 64}/equalityDeclaration")
    for descriptor in full.DESCRIPTOR.fields:
        if descriptor.enum_type is not None:
            setattr(full, descriptor.name, max(descriptor.enum_type.values_by_number))
    request = pb.UpdateEqualityDeclarationRequest(equality_declaration=full, allow_missing=True)
    kept = await update_declaration(desk.ports, Caller(f"people/{'x' * 64}", Role.PERSON), request)
    assert kept.caring_responsibility == pb.CARING_RESPONSIBILITY_CHILDREN_AND_ADULTS


async def test_an_export_holds_the_answers_in_words_for_the_person_alone(desk: Desk) -> None:
    await desk.declare(ethnic_group=pb.ETHNIC_GROUP_ASIAN_INDIAN, religion=pb.RELIGION_PREFER_NOT_TO_SAY)
    request = ExportPersonRequest(name="people/anna")
    [own] = await export_person(desk.ports, ANNA, request)
    [row] = [dict(each) for each in own.rows]
    assert row["ethnic_group"] == "asian indian"
    assert row["religion"] == "prefer not to say"
    assert row["sex"] == "not answered"
    assert row["declare_date"] == "2026-03-02"
    assert row.keys() == {each.name for each in pb.EqualityDeclaration.DESCRIPTOR.fields} - {"name", "etag"}
    operator = Caller("", Role.OPERATOR)
    [others] = await export_person(desk.ports, operator, request)
    assert [dict(each) for each in others.rows] == [{"declarations": 1}]
    for caller in (each for each in OTHERS if each != operator):
        with pytest.raises(Forbidden):
            await export_person(desk.ports, caller, request)


async def test_an_export_of_somebody_who_declared_nothing_says_so(desk: Desk) -> None:
    request = ExportPersonRequest(name="people/anna")
    [own] = await export_person(desk.ports, ANNA, request)
    assert (own.kind, list(own.rows)) == ("equality_declaration", [])
    [others] = await export_person(desk.ports, Caller("", Role.OPERATOR), request)
    assert not others.rows

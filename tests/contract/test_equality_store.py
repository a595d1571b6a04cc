"""What every store of equality declarations keeps to, on SQLite and on a real PostgreSQL."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from careweave_planning.ports import Standing
from careweave_planning.storing.rotation import rotate
from careweave_planning.storing.sql import SqlStore
from sqlalchemy import Engine, MetaData, select, text, update

from careweave.errors import DataLoss, FailedPrecondition, NotFound
from careweave.v1 import planning_pb2 as pb
from tests.contract.equality import ANNA, BENN, ENGINES, SECRET, EqualityEngine, declared, opened, seal_of

MUSLIM = declared(religion=pb.RELIGION_MUSLIM)
DISABLED = declared(disability=pb.DISABILITY_LIMITED_A_LOT)


@pytest.fixture(params=ENGINES, ids=str)
def equality_engine(request: pytest.FixtureRequest) -> EqualityEngine:
    engine: EqualityEngine = request.param
    return engine


@pytest.fixture
async def engine(equality_engine: EqualityEngine, tmp_path: Path) -> AsyncIterator[Engine]:
    """Yield connections to the same database as the store, to see what it sees."""
    reached = await equality_engine.reach(tmp_path)
    yield reached
    reached.dispose()


@pytest.fixture
async def store(equality_engine: EqualityEngine, tmp_path: Path) -> AsyncIterator[SqlStore]:
    kept = await opened(await equality_engine.reach(tmp_path))
    yield kept
    await kept.close()


async def declare(store: SqlStore, declaration: pb.EqualityDeclaration, person: str = ANNA) -> None:
    await store.change(person, lambda _: declaration)


def rows(engine: Engine, table: str) -> list[tuple[object, ...]]:
    """Return what the database itself holds."""
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]  # noqa: S608  a table of ours


async def test_what_is_declared_is_read_back_by_its_person_alone(store: SqlStore) -> None:
    assert await store.read(ANNA) is None
    await declare(store, MUSLIM)
    assert await store.read(ANNA) == MUSLIM
    assert await store.read(BENN) is None


async def test_a_change_is_made_of_what_is_kept(store: SqlStore) -> None:
    seen = []

    def rewrite(kept: pb.EqualityDeclaration | None) -> pb.EqualityDeclaration:
        seen.append(kept)
        return DISABLED if kept else MUSLIM

    assert await store.change(ANNA, rewrite) == MUSLIM
    assert await store.change(ANNA, rewrite) == DISABLED
    assert seen == [None, MUSLIM]
    assert await store.read(ANNA) == DISABLED


async def test_a_change_that_is_refused_changes_nothing(store: SqlStore) -> None:
    await declare(store, MUSLIM)

    def refuse(kept: pb.EqualityDeclaration | None) -> pb.EqualityDeclaration:
        raise NotFound("no")

    with pytest.raises(NotFound):
        await store.change(ANNA, refuse)
    assert await store.read(ANNA) == MUSLIM


async def test_many_changes_of_one_person_at_once_take_effect_one_after_the_other(store: SqlStore) -> None:
    def older(kept: pb.EqualityDeclaration | None) -> pb.EqualityDeclaration:
        after = declared()
        after.declare_date.day = (kept.declare_date.day if kept else 0) + 1
        return after

    done = await asyncio.gather(*(store.change(ANNA, older) for _ in range(4)))
    assert sorted(each.declare_date.day for each in done) == [1, 2, 3, 4]


async def test_what_is_withdrawn_is_gone_and_may_be_declared_anew(store: SqlStore, engine: Engine) -> None:
    await declare(store, MUSLIM)
    assert await store.remove(ANNA)
    assert await store.read(ANNA) is None
    assert rows(engine, "declaration") == []
    assert not await store.remove(ANNA)
    await declare(store, DISABLED)
    assert await store.read(ANNA) == DISABLED


async def test_the_database_alone_tells_neither_whose_nor_what_nor_how_much(store: SqlStore, engine: Engine) -> None:
    full = declared(
        BENN,
        ethnic_group=pb.ETHNIC_GROUP_OTHER,
        sex=pb.SEX_MALE,
        disability=pb.DISABILITY_NONE,
        age_band=pb.AGE_BAND_65_AND_OVER,
    )
    await declare(store, declared())
    await declare(store, full, BENN)
    kept = rows(engine, "declaration")
    assert len({len(sealed) for _, sealed in kept}) == 1  # type: ignore[arg-type]
    for cell in (cell for row in kept for cell in row):
        assert isinstance(cell, bytes)
        assert b"anna" not in cell
        assert b"people" not in cell
    again = rows(engine, "declaration")
    await declare(store, full, BENN)
    assert len({sealed for _, sealed in again} & {sealed for _, sealed in rows(engine, "declaration")}) == 1


async def test_a_declaration_that_was_put_under_another_person_cannot_be_read(store: SqlStore, engine: Engine) -> None:
    await declare(store, MUSLIM)
    await declare(store, DISABLED, BENN)
    table = MetaData()
    table.reflect(engine)
    declaration = table.tables["declaration"]
    with engine.begin() as connection:
        others = connection.execute(select(declaration.c.sealed).order_by(declaration.c.row)).scalars().all()
        for row, sealed in zip(
            connection.execute(select(declaration.c.row).order_by(declaration.c.row)).scalars().all(),
            reversed(others),
            strict=True,
        ):
            connection.execute(update(declaration).where(declaration.c.row == row).values(sealed=sealed))
    for person in (ANNA, BENN):
        with pytest.raises(DataLoss) as error:
            await store.read(person)
        assert error.value.reason == "EQUALITY_DAMAGED"
    assert await store.remove(ANNA)


async def test_who_was_erased_has_no_declaration_and_gets_none(store: SqlStore) -> None:
    await declare(store, MUSLIM)
    await declare(store, DISABLED, BENN)
    await store.take_note([Standing(ANNA, 3, erased=True)])
    assert await store.read(ANNA) is None
    assert await store.read(BENN) == DISABLED
    with pytest.raises(FailedPrecondition) as error:
        await declare(store, MUSLIM)
    assert error.value.reason == "PERSON_ERASED"


async def test_who_is_there_again_may_declare_and_an_old_tombstone_that_comes_again_takes_nothing(
    store: SqlStore,
) -> None:
    gone, back = Standing(ANNA, 3, erased=True), Standing(ANNA, 4, erased=False)
    await store.take_note([gone])
    await store.take_note([back])
    await declare(store, DISABLED)
    await store.take_note([gone, back])
    assert await store.read(ANNA) == DISABLED
    await store.take_note([Standing(ANNA, 5, erased=True)])
    assert await store.read(ANNA) is None


async def test_what_was_declared_before_an_erasure_goes_even_if_its_person_came_back_meanwhile(store: SqlStore) -> None:
    await declare(store, MUSLIM)
    await store.take_note([Standing(ANNA, 4, erased=False), Standing(ANNA, 3, erased=True)])
    assert await store.read(ANNA) is None
    await declare(store, DISABLED)


async def test_of_those_who_are_there_nothing_is_noted(store: SqlStore, engine: Engine) -> None:
    await store.take_note([Standing(f"people/p{number}", 1, erased=False) for number in range(500)])
    assert rows(engine, "erasure") == []


async def test_an_erasure_and_a_change_at_once_leave_nothing(equality_engine: EqualityEngine, tmp_path: Path) -> None:
    """Whichever comes first: the change is erased, or it is refused. Two stores, as two replicas have them."""
    one, other = [await opened(await equality_engine.reach(tmp_path)) for _ in range(2)]
    for number in range(20):
        person = f"people/p{number}"
        await asyncio.gather(
            one.change(person, lambda _: MUSLIM),
            other.take_note([Standing(person, 2, erased=True)]),
            return_exceptions=True,
        )
        assert await one.read(person) is None
    await one.close()
    await other.close()


async def test_what_is_kept_is_found_when_it_is_opened_again(equality_engine: EqualityEngine, tmp_path: Path) -> None:
    for expected in (None, MUSLIM):
        store = await opened(await equality_engine.reach(tmp_path))
        assert await store.read(ANNA) == expected
        await declare(store, MUSLIM)
        await store.close()


async def test_two_processes_that_make_the_tables_at_once_both_open(
    equality_engine: EqualityEngine, tmp_path: Path
) -> None:
    reached = [await equality_engine.reach(tmp_path) for _ in range(4)]
    stores = await asyncio.gather(*(opened(each) for each in reached))
    await declare(stores[0], MUSLIM)
    assert [await store.read(ANNA) for store in stores] == [MUSLIM] * 4
    for store in stores:
        await store.close()


async def test_another_key_is_refused_as_the_store_is_opened(
    store: SqlStore, equality_engine: EqualityEngine, tmp_path: Path
) -> None:
    await declare(store, MUSLIM)
    with pytest.raises(FailedPrecondition) as error:
        await opened(await equality_engine.reach(tmp_path), secrets.token_bytes(len(SECRET)))
    assert error.value.reason == "EQUALITY_KEY_WRONG"
    assert await store.read(ANNA) == MUSLIM


async def test_tables_of_a_newer_careweave_are_left_alone(
    store: SqlStore, engine: Engine, equality_engine: EqualityEngine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE layout SET version = 9"))
    with pytest.raises(FailedPrecondition) as error:
        await opened(await equality_engine.reach(tmp_path))
    assert error.value.reason == "EQUALITY_TABLES_NEWER"
    assert rows(engine, "layout")[0][0] == 9


async def test_another_key_takes_over_all_at_once_and_the_one_before_is_good_for_nothing(
    store: SqlStore, engine: Engine, equality_engine: EqualityEngine, tmp_path: Path
) -> None:
    """A replica that still runs under the old key neither reads nor writes."""
    theirs = declared(BENN, disability=pb.DISABILITY_NONE)
    await declare(store, MUSLIM)
    await declare(store, theirs, BENN)
    before = {cell for row in rows(engine, "declaration") for cell in row}
    new = secrets.token_bytes(len(SECRET))
    moved = await asyncio.to_thread(rotate, engine, seal_of(SECRET), seal_of(new))
    assert moved == 2
    assert not before & {cell for row in rows(engine, "declaration") for cell in row}
    for call in (store.read(ANNA), declare(store, MUSLIM), store.remove(ANNA)):
        with pytest.raises(FailedPrecondition) as error:
            await call
        assert error.value.reason == "EQUALITY_KEY_WRONG"
    again = await opened(await equality_engine.reach(tmp_path), new)
    assert [await again.read(person) for person in (ANNA, BENN)] == [MUSLIM, theirs]
    await again.close()


async def test_a_rotation_that_cannot_read_everything_changes_nothing(store: SqlStore, engine: Engine) -> None:
    await declare(store, MUSLIM)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO declaration (row, sealed) VALUES (:row, :sealed)"), {"row": b"r", "sealed": b"s"}
        )
    with pytest.raises(DataLoss):
        await asyncio.to_thread(rotate, engine, seal_of(SECRET), seal_of(secrets.token_bytes(len(SECRET))))
    assert await store.read(ANNA) == MUSLIM

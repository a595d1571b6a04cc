"""What befalls the store of equality declarations: what is left of what was deleted, kills, full disks, wrong keys."""

import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from careweave_planning.opening import open_store
from careweave_planning.ports import Standing
from careweave_planning.storing import engines
from careweave_planning.storing.sealing import Seal
from sqlalchemy import text

from careweave.config import Settings
from careweave.errors import CareweaveError, DataLoss, Exhausted, FailedPrecondition, InvalidArgument, Unavailable
from careweave.v1 import planning_pb2 as pb
from tests.contract.equality import ANNA, BENN, SECRET, declared, opened, own_database
from tests.contract.test_embedded_folders import child, lines_until_killed
from tests.postgres import Postgres, running_postgres

JEWISH: Final = declared(religion=pb.RELIGION_JEWISH)
ROW: Final = Seal(SECRET, secrets.token_bytes).row_of(ANNA)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Yield the server that tests share, which a test may stop."""
    server = running_postgres()
    yield server
    server.stop()
    server.start()


def files(folder: Path) -> bytes:
    """Return all that is in the files of `folder`."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def sealed_in(file: Path) -> bytes:
    """Return the sealed content of the one row."""
    with engines.sqlite(file).begin() as connection:
        return bytes(connection.execute(text("SELECT sealed FROM declaration")).scalar_one())


async def test_nothing_of_what_was_withdrawn_or_replaced_is_left_in_the_files(tmp_path: Path) -> None:
    file = tmp_path / "equality.db"
    store = await opened(engines.sqlite(file))
    await store.change(ANNA, lambda _: JEWISH)
    first = sealed_in(file)
    assert first in files(tmp_path)
    assert ROW in files(tmp_path)
    await store.change(ANNA, lambda _: declared(religion=pb.RELIGION_NONE))
    second = sealed_in(file)
    assert first not in files(tmp_path)
    assert second in files(tmp_path)
    await store.remove(ANNA)
    for trace in (first[:40], first[-40:], second[:40], second[-40:], ROW):
        assert trace not in files(tmp_path)
    await store.close()


async def test_nothing_of_an_erased_person_is_left_in_the_files_but_a_digest_of_their_name(tmp_path: Path) -> None:
    file = tmp_path / "equality.db"
    store = await opened(engines.sqlite(file))
    await store.change(ANNA, lambda _: JEWISH)
    sealed = sealed_in(file)
    await store.take_note([Standing(ANNA, 2, erased=True)])
    assert sealed[:40] not in files(tmp_path)
    assert files(tmp_path).count(ROW) == 1
    await store.close()


@pytest.mark.parametrize("seconds", [0.1, 0.25, 0.4])
async def test_after_a_kill_every_declaration_that_was_acknowledged_is_there(tmp_path: Path, seconds: float) -> None:
    file = tmp_path / "equality.db"
    acknowledged = len(lines_until_killed("write-equality", file, seconds))
    store = await opened(engines.sqlite(file))
    newest = await store.read(ANNA)
    assert newest is not None
    assert acknowledged <= newest.declare_date.year <= acknowledged + 1
    for number in range(1, acknowledged + 1):
        kept = await store.read(f"people/{number}")
        assert kept is not None
        assert kept.declare_date.year == number
    assert await store.read(f"people/{acknowledged + 2}") is None
    await store.close()


async def test_a_full_disk_is_said_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    file = tmp_path / "equality.db"
    with child("fill-equality", file, 200_000) as process:
        assert process.stdout is not None
        said, last, after = process.stdout.read().splitlines()
    assert said.startswith("Exhausted: ")
    assert int(after) == int(last) + 1
    store = await opened(engines.sqlite(file))
    assert all([await store.read(f"people/{number}") for number in range(1, int(after) + 1)])
    await store.close()


@pytest.mark.parametrize("when", ["as it is opened", "as it is read"])
async def test_a_damaged_file_is_said(tmp_path: Path, when: str) -> None:
    file = tmp_path / "equality.db"
    store = await opened(engines.sqlite(file))
    for number in range(100):
        await store.change(f"people/{number}", lambda _: JEWISH)
    await store.close()
    if when == "as it is opened":
        file.write_bytes(b"no database at all, but long enough for a header of one" * 99)
        with pytest.raises(DataLoss) as error:
            await opened(engines.sqlite(file))
    else:
        content = bytearray(file.read_bytes())
        page = int.from_bytes(content[16:18])
        for start in range(4 * page, len(content), page):  # the first ones hold the schema and the roots of tables
            content[start : start + 200] = b"\xff" * 200
        file.write_bytes(content)
        store = await opened(engines.sqlite(file))
        with pytest.raises(DataLoss) as error:
            await store.read("people/1")
        await store.close()
    assert error.value.reason == "EQUALITY_DAMAGED"


async def test_a_server_that_is_away_is_said_and_used_again_when_it_is_back(postgres: Postgres, tmp_path: Path) -> None:
    address = own_database(postgres, tmp_path)
    store = await opened(engines.postgresql(address, ""))
    await store.change(ANNA, lambda _: JEWISH)
    postgres.stop()
    with pytest.raises(Unavailable) as error:
        await store.change(ANNA, lambda _: JEWISH)
    assert error.value.reason == "EQUALITY_UNAVAILABLE"
    with pytest.raises(Unavailable):
        await opened(engines.postgresql(address, ""))
    postgres.start()
    assert await store.read(ANNA) == JEWISH
    await store.close()


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [("53100", Exhausted, "EQUALITY_DISK_FULL"), ("XX002", DataLoss, "EQUALITY_DAMAGED")],
)
async def test_what_the_server_cannot_keep_it_says(
    postgres: Postgres, tmp_path: Path, code: str, kind: type[CareweaveError], reason: str
) -> None:
    """The server's own errors of a full disk and of a damaged index, raised in it by a trigger."""
    address = own_database(postgres, tmp_path)
    store = await opened(engines.postgresql(address, ""))
    with psycopg.connect(address) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END$$"
        )
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON declaration EXECUTE FUNCTION refuse()")
    with pytest.raises(kind) as error:
        await store.change(ANNA, lambda _: JEWISH)
    assert (error.value.reason, error.value.metadata["code"]) == (reason, code)
    assert await store.read(ANNA) is None
    await store.close()


async def test_damage_on_the_server_s_disk_is_said(postgres: Postgres, tmp_path: Path) -> None:
    address = own_database(postgres, tmp_path)
    store = await opened(engines.postgresql(address, ""))
    await store.change(ANNA, lambda _: JEWISH)
    postgres.damage(address.rpartition("/")[2], "declaration")
    with pytest.raises(DataLoss) as error:
        await store.read(ANNA)
    assert error.value.metadata["code"] == "XX001"
    await store.close()


async def test_the_password_is_read_from_its_file_for_each_connection(postgres: Postgres, tmp_path: Path) -> None:
    address = own_database(postgres, tmp_path)
    user, password = f"u{secrets.token_hex(4)}", secrets.token_hex(8)
    postgres.make_user(user, password)
    file = tmp_path / "password"
    file.write_text("wrong\n", encoding="utf-8")
    engine = engines.postgresql(address.replace("careweave@", f"{user}@"), str(file))
    with pytest.raises(FailedPrecondition) as error:
        await opened(engine)
    assert error.value.reason == "EQUALITY_LOGIN_REFUSED"
    file.write_text(f"{password}\n", encoding="utf-8")
    store = await opened(engine)
    await store.close()


async def test_an_error_quotes_nothing_of_what_it_was_about(postgres: Postgres, tmp_path: Path) -> None:
    store = await opened(engines.postgresql(own_database(postgres, tmp_path), ""))
    postgres.stop()
    with pytest.raises(Unavailable) as error:
        await store.change(ANNA, lambda _: JEWISH)
    told: BaseException | None = error.value
    while told is not None:
        for secret in ("anna", ROW.hex(), repr(ROW)):
            assert secret not in f"{told} {told!r}"
        told = told.__cause__
    postgres.start()
    await store.close()


async def test_on_first_use_a_key_for_the_owner_alone_is_made_beside_the_file(tmp_path: Path) -> None:
    settings = Settings(equality=f"sqlite:{tmp_path / 'var' / 'equality.db'}")
    for _ in range(2):
        store = await open_store(settings, secrets.token_bytes)
        await store.change(BENN, lambda kept: kept or JEWISH)
        await store.close()
    key = tmp_path / "var" / "equality.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text()) == 45
    assert sorted(path.name for path in key.parent.iterdir()) == ["equality.db", "equality.key"]


async def test_without_its_key_a_file_is_not_opened_and_no_other_key_is_made(tmp_path: Path) -> None:
    settings = Settings(equality=f"sqlite:{tmp_path / 'equality.db'}")
    await (await open_store(settings, secrets.token_bytes)).close()
    (tmp_path / "equality.key").unlink()
    with pytest.raises(FailedPrecondition) as error:
        await open_store(settings, secrets.token_bytes)
    assert error.value.reason == "EQUALITY_KEY_MISSING"
    assert not (tmp_path / "equality.key").exists()


@pytest.mark.parametrize("text", ["", "short", "not base64 at all: ¤", "QUJD"])
async def test_what_is_no_key_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    settings = Settings(equality=f"sqlite:{tmp_path / 'equality.db'}", equality_key_file=str(file))
    with pytest.raises(InvalidArgument) as error:
        await open_store(settings, secrets.token_bytes)
    assert error.value.reason == "EQUALITY_KEY_INVALID"
    assert "openssl rand -base64 32" in error.value.message


@pytest.mark.parametrize("key_file", ["", "nowhere/equality.key"])
async def test_a_server_wants_a_key_that_is_there(key_file: str) -> None:
    settings = Settings(equality="postgresql://careweave@127.0.0.1:9/equality", equality_key_file=key_file)
    with pytest.raises(FailedPrecondition) as error:
        await open_store(settings, secrets.token_bytes)
    assert error.value.reason == "EQUALITY_KEY_MISSING"


async def test_an_address_that_is_none_and_one_where_nobody_answers_are_told_apart(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("A" * 43 + "=", encoding="ascii")
    for address, kind, word in (
        ("postgresql://anybody@127.0.0.1:port/equality", InvalidArgument, "USER@HOST:PORT"),
        ("postgresql://anybody@127.0.0.1:9/equality", Unavailable, "refused"),
        ("postgresql://anybody@127.0.0.1:9/equality?sslmode=maybe", Unavailable, "sslmode"),
    ):
        with pytest.raises(kind, match=word):
            await open_store(Settings(equality=address, equality_key_file=str(key)), secrets.token_bytes)


@pytest.mark.parametrize("setting", ["", "sqlite:", "mysql://x/y", "equality.db"])
async def test_a_store_of_no_known_kind_is_said(setting: str) -> None:
    with pytest.raises(InvalidArgument, match=r"CAREWEAVE_EQUALITY.*postgresql://"):
        await open_store(Settings(equality=setting), secrets.token_bytes)

"""Moving all that a store keeps from one key to another."""

from sqlalchemy import Connection, Engine, delete, insert, select, update

from careweave.v1.planning_pb2 import EqualityDeclaration
from careweave_planning.storing.sealing import Seal
from careweave_planning.storing.sql import transact
from careweave_planning.storing.tables import DECLARATION, ERASURE, LAYOUT, bring_up_to_date


def rotate(engine: Engine, before: Seal, after: Seal) -> int:
    """Keep under `after` what was kept under `before`, all of it or nothing; returns how many declarations. Blocks.

    Who was erased is not known any more: of them there is a digest under the old key, and no name.

    Raises:
        FailedPrecondition: `before` is not of the key that the store was made with.
        DataLoss: a declaration cannot be opened.
        CareweaveError: see `DeclarationStore`.
    """

    def job(connection: Connection) -> int:
        bring_up_to_date(connection, before.check)
        kept = connection.execute(select(DECLARATION.c.row, DECLARATION.c.sealed)).all()
        connection.execute(delete(DECLARATION))
        connection.execute(delete(ERASURE))
        for row, sealed in kept:
            connection.execute(insert(DECLARATION).values(_moved(before.open(row, sealed), after)))
        connection.execute(update(LAYOUT).values(key_check=after.check))
        return len(kept)

    return transact(engine, "moving equality declarations to another key", job)


def _moved(content: bytes, after: Seal) -> dict[str, bytes]:
    person = EqualityDeclaration.FromString(content).name.rpartition("/")[0]
    row = after.row_of(person)
    return {"row": row, "sealed": after.seal(row, content)}

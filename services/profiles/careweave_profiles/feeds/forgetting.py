"""What becomes of feed records when their person is deleted."""

from careweave.graph.port import UnitOfWork
from careweave_profiles.feeds.code_store import DROP as DROP_CODES
from careweave_profiles.feeds.records import FeedRecord, records_of, write_records
from careweave_profiles.feeds.unresolved import write_unresolved


async def forget_records(unit: UnitOfWork, person: str) -> None:
    """Empty all records of `person`, who is about to be deleted.

    What stays is the name of each, a digest that leads back to nobody, marked as erased: an HR system
    that sends the record again does not bring its person back.
    """
    records = (await records_of(unit, [person]))[person]
    if not records:
        return
    await write_unresolved(
        unit, {each.name: each.source_system for each in records.values()}, dict.fromkeys(records, ())
    )
    for each in records:
        await unit.run(DROP_CODES, record=each)
    emptied = [FeedRecord(each.name, each.source_system, "", each.kind, erased=True) for each in records.values()]
    await write_records(unit, emptied, [])

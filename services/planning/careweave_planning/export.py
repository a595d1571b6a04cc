"""What this service holds about a person, for them to read."""

from typing import Final

from google.protobuf.struct_pb2 import Struct

from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.common_pb2 import ExportPersonRequest, PersonSection
from careweave.v1.planning_pb2 import EqualityDeclaration
from careweave_planning.ports import Ports

_KIND: Final = "equality_declaration"
_TITLE: Final = "What you have declared of yourself for equality monitoring"
_PURPOSE: Final = (
    "Numbers about many people, by which unequal treatment can be seen (Equality Act 2010, section 149). You alone can "
    "read what you declared; it is no part of any ranking."
)
_KEPT: Final = "Until you withdraw it or delete your profile; then it is removed at once."


async def export_person(ports: Ports, caller: Caller, request: ExportPersonRequest) -> list[PersonSection]:
    """Return one section, without a row if nothing is held.

    To the person it has their answers in words; to anybody else, that there is a declaration.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, Action.EXPORT_PERSON, Resource(person=request.name))
    kept = await ports.store.read(request.name)
    section = PersonSection(kind=_KIND, title=_TITLE, purpose=_PURPOSE, kept=_KEPT)
    if kept is not None:
        section.rows.append(_in_words(kept) if caller.subject == request.name else _that_there_is_one())
    return [section]


def _that_there_is_one() -> Struct:
    row = Struct()
    row.update({"declarations": 1})
    return row


def _in_words(kept: EqualityDeclaration) -> Struct:
    row = Struct()
    for field in kept.DESCRIPTOR.fields:
        if field.enum_type is not None:
            names = field.enum_type.values_by_number
            name = names[getattr(kept, field.name)].name.removeprefix(names[0].name.removesuffix("UNSPECIFIED"))
            row[field.name] = "not answered" if name == "UNSPECIFIED" else name.replace("_", " ").lower()
    day = kept.declare_date
    row["declare_date"] = f"{day.year:04}-{day.month:02}-{day.day:02}"
    return row

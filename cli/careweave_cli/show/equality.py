"""The questions of an equality declaration, and what somebody answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from careweave.v1 import planning_pb2 as pb
from careweave_cli.show.words import Enum, day, word

UNANSWERED: Final = "unanswered"


@dataclass(frozen=True, slots=True)
class Question:
    """A field of the declaration, its enum, and what it asks."""

    field: str
    enum: Enum
    words: str

    @property
    def option(self) -> str:
        """The name of its option on the command line."""
        return self.field.replace("_", "-")


QUESTIONS: Final = (
    Question("ethnic_group", pb.EthnicGroup, "Your ethnic group, as in the Census 2021."),
    Question("sex", pb.Sex, "Your sex."),
    Question("gender_identity", pb.GenderIdentity, "Is your gender the same as your sex registered at birth?"),
    Question("disability", pb.Disability, "Does a condition of 12 months or more limit what you do day to day?"),
    Question("age_band", pb.AgeBand, "Your age."),
    Question("religion", pb.Religion, "Your religion or belief."),
    Question("sexual_orientation", pb.SexualOrientation, "Your sexual orientation."),
    Question("marital_status", pb.MaritalStatus, "Your marital or civil partnership status."),
    Question("pregnancy_or_maternity", pb.PregnancyOrMaternity, "Are you pregnant or on maternity leave?"),
    Question("caring_responsibility", pb.CaringResponsibility, "For whom do you care without pay?"),
)


def choices(question: Question) -> Mapping[str, int]:
    """Return the answers that a question has, as they are typed, with their numbers."""
    numbers = question.enum.DESCRIPTOR.values_by_number
    return {word(question.enum, number).replace(" ", "-") or UNANSWERED: number for number in numbers}


def answers(declaration: pb.EqualityDeclaration) -> Table:
    """Return what somebody answered, a question a line."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for question in QUESTIONS:
        answer = word(question.enum, getattr(declaration, question.field))
        table.add_row(question.field.replace("_", " "), answer or UNANSWERED)
    table.add_row("declared on", day(declaration.declare_date))
    return table

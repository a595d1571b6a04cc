"""What comes from a feed, and an answer for each: those that cannot be taken are answered where they stand."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from careweave.errors import CareweaveError
from careweave.v1.hr_pb2 import ProfileUpdate
from careweave_profiles.feeds.applying import Answer, Outcome

Content: TypeAlias = ProfileUpdate | CareweaveError
"""An update, or why it cannot be taken."""


def in_place(contents: Sequence[Content], answers: Iterable[Answer]) -> list[Answer]:
    """Return an answer for each of `contents`, where `answers` are those to the updates among them."""
    found = iter(answers)
    return [
        Answer(Outcome.REJECTED, content) if isinstance(content, CareweaveError) else next(found)
        for content in contents
    ]

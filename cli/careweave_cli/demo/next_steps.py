"""What to try after the demo."""

from typing import Final

from rich.text import Text

_COMMANDS: Final = (
    ("Everything about the first of them", "careweave explain {person} {opportunity}"),
    ("Apprenticeships and courses alone", "careweave match {person} --kind apprenticeship --kind course"),
    ("The other side: people for an opportunity", "careweave candidates {opportunity}"),
    ("Text to skills", 'careweave extract "Give medication, record it, and drive between visits."'),
    ("Find by meaning", 'careweave search occupations "helps people at home"'),
    ("What has happened so far", "careweave events tail --from-start --no-follow --topic decisions"),
    ("Keep the services running, as a trial", "CAREWEAVE_TRIAL=yes careweave serve all"),
)
_GRPCURL: Final = (
    "grpcurl -plaintext {address} list",
    'grpcurl -plaintext -d \'{{"service": "careweave.v1.MatchingService"}}\' {address} grpc.health.v1.Health/Check',
    (
        'grpcurl -plaintext -H "authorization: Bearer $({program} token)" -d \'{{"person": "{person}"}}\' {address} '
        "careweave.v1.MatchingService/FindOpportunities"
    ),
)


def next_steps(program: str, person: str, opportunity: str, address: str) -> Text:
    """Return commands to copy, run as `program`, about this person and opportunity."""
    text = Text()
    width = max(len(meaning) for meaning, _ in _COMMANDS)
    for meaning, command in _COMMANDS:
        shown = command.format(person=person, opportunity=opportunity).replace("careweave", program, 1)
        text.append(f"   {meaning:<{width}}  {shown}\n")
    text.append("\n   Then, with grpcurl (https://github.com/fullstorydev/grpcurl) in another terminal:\n")
    for command in _GRPCURL:
        text.append(f"   {command.format(program=program, person=person, address=address)}\n")
    return text

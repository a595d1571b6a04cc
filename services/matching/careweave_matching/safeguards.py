"""What a ranking does and does not decide, said in plain words for people: the one place where it is said."""

from typing import Final

from careweave.policy import Action, Caller, authorise
from careweave.v1 import common_pb2, matching_pb2
from careweave_matching.following import ReadModel

DOES: Final = (
    "A ranking puts opportunities, or people, in order. It compares what somebody can do, with what evidence, to what "
    "a role asks for, and says which conditions are met. The order of your own list also counts what you aim for; "
    "employers do not see that part."
)
DOES_NOT: Final = (
    "A ranking does not decide who is invited, appointed or turned down. A person decides that. Careweave takes no "
    "decision by itself that has a legal or similarly significant effect on you, and uses no equality information. "
    "What became of earlier applications counts for nothing in a ranking, yours or anybody's. What you put aside "
    "leaves your own list until you take it back; no employer sees that, and it changes no score."
)
WHAT_YOU_CAN_DO: Final = (
    "You can see every ranking that was made for you or that showed you to an employer, and ask why. You can say what "
    "it did not consider, ask a person to look at it, or contest it. A person answers within one month; if it is "
    "complex, they tell you why within that month and have two more. If you are not content with the answer, you can "
    "complain to the employer, to whoever runs this installation, and to the ICO."
)
LAW: Final = (
    "UK GDPR Articles 22A to 22D, inserted by section 80 of the Data (Use and Access) Act 2025. They bind decisions "
    "taken without meaningful human involvement; rankings are none, and the safeguards of Article 22C are given all "
    "the same. Time limits are those of Articles 12(3) and 12A."
)


async def get(model: ReadModel, caller: Caller) -> matching_pb2.Safeguards:
    """Return the statement, with the versions that rankings are made with now.

    Raises:
        Unavailable: there is no index, so no ranking is made.
    """
    authorise(caller, Action.GET_SAFEGUARDS)
    index = model.index
    return matching_pb2.Safeguards(
        does=DOES,
        does_not=DOES_NOT,
        what_you_can_do=WHAT_YOU_CAN_DO,
        law=LAW,
        versions=common_pb2.Versions(model=index.model, taxonomy=index.taxonomy.version, weights=index.weights.version),
    )

from datetime import UTC, datetime
from itertools import product

import pytest
from careweave_matching.applying import FOLLOWS, Application, Step
from careweave_matching.terms import Stage

from careweave.errors import FailedPrecondition

NOW = datetime(2027, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(("now", "then"), list(product(Stage, Stage)))
def test_a_stage_follows_only_where_it_may(now: Stage, then: Stage) -> None:
    application = Application("people/p", "opportunities/o", (Step(now, NOW),))
    if then in FOLLOWS[now]:
        assert application.advanced(Step(then, NOW)).stage == then
    else:
        with pytest.raises(FailedPrecondition) as caught:
            application.advanced(Step(then, NOW))
        assert caught.value.metadata["asked"] == then.name


def test_every_stage_reached_stays_in_the_record() -> None:
    application = Application("people/p", "opportunities/o", (Step(Stage.INTERESTED, NOW, "keen"),))
    further = application.advanced(Step(Stage.SHORTLISTED, NOW)).advanced(Step(Stage.APPOINTED, NOW))
    assert [step.stage for step in further.steps] == [Stage.INTERESTED, Stage.SHORTLISTED, Stage.APPOINTED]


def test_what_is_completed_is_done() -> None:
    assert not FOLLOWS[Stage.COMPLETED]

"""An application and the stages it can pass through."""

from dataclasses import dataclass, replace
from datetime import datetime

from careweave.errors import FailedPrecondition
from careweave_matching.applied import Progress
from careweave_matching.terms import Stage

FOLLOWS: dict[Stage, frozenset[Stage]] = {
    Stage.INTERESTED: frozenset({Stage.VIEWED, Stage.SHORTLISTED, Stage.APPOINTED, Stage.DECLINED}),
    Stage.VIEWED: frozenset({Stage.SHORTLISTED, Stage.APPOINTED, Stage.DECLINED}),
    Stage.SHORTLISTED: frozenset({Stage.APPOINTED, Stage.DECLINED}),
    Stage.APPOINTED: frozenset({Stage.COMPLETED, Stage.DECLINED}),
    Stage.DECLINED: frozenset({Stage.INTERESTED}),
    Stage.COMPLETED: frozenset(),
}
"""Stage → stages that may come next. A stage may be left out on the way up; a person may think again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage reached."""

    stage: Stage
    at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """A person's application for an opportunity, with at least one step, oldest first."""

    person: str
    opportunity: str
    steps: tuple[Step, ...]

    @property
    def stage(self) -> Stage:
        """The stage it is at."""
        return self.steps[-1].stage

    @property
    def progress(self) -> Progress:
        """How far it has come, in short."""
        return Progress(self.person, self.opportunity, self.stage, len(self.steps))

    def advanced(self, step: Step) -> "Application":
        """Return the application after `step`.

        Raises:
            FailedPrecondition: the stage cannot follow the current one.
        """
        if step.stage not in FOLLOWS[self.stage]:
            raise FailedPrecondition(
                f"An application that is {self.stage.name.lower()} cannot become {step.stage.name.lower()}.",
                reason="STAGE_OUT_OF_ORDER",
                metadata={
                    "stage": self.stage.name,
                    "asked": step.stage.name,
                    "allowed": ",".join(sorted(stage.name for stage in FOLLOWS[self.stage])),
                },
            )
        return replace(self, steps=(*self.steps, step))

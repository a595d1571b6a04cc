"""Tells people of opportunities as these are published or changed, and as their own profiles change.

The members of one group share the events, so any number of replicas may run. Whoever handles an event first waits
until its index holds the event and all that was appended before it: of a change of a person and one of an
opportunity, the later one thus finds the earlier. What was told is kept in the graph in the unit of work that
emits the event, so a pair is told once however often its events come; of two that judge it at once, the second
finds what the first has told.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careweave.errors import CareweaveError
from careweave.events.port import Delivered, Event, Topic
from careweave.graph.port import UnitOfWork
from careweave.patience import FIRST_PAUSE, LONGEST_PAUSE
from careweave.v1 import events_pb2
from careweave_matching import alert_store
from careweave_matching.alert_store import Telling
from careweave_matching.alerts import Alert, alerts_about, alerts_for
from careweave_matching.following import ReadModel
from careweave_matching.messages import gate_message
from careweave_matching.ports import EVENT_SOURCE, Ports
from careweave_matching.taking_in import set_aside
from careweave_matching.terms import GateResult

_LOG: Final = logging.getLogger(__name__)
TOPICS: Final = (Topic.PROFILES, Topic.OPPORTUNITIES)
GROUP: Final = "careweave-matching-alerts"
EVENTS_AT_ONCE: Final = 20
"""Events between two commits of the position: few, since thousands may be told of one, and other replicas wait."""
AT_ONCE: Final = 500
"""Told in one unit of work at most."""
_TYPE: Final = events_pb2.MatchFound.DESCRIPTOR.full_name
_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Alerting:
    """A member of the group that tells people of what fits them.

    model: the index that pairs are judged with. group: of those who hold the same people.
    """

    ports: Ports
    model: ReadModel
    group: str = GROUP

    async def run(self) -> None:
        """Tell until cancelled; where a store or the log does not answer, go on later from the same place."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self.ports.events.consume(TOPICS, self.group, self._handle_in_turn, EVENTS_AT_ONCE)
            except CareweaveError as error:
                _LOG.warning("alerts wait: %s", error, extra={"pause_seconds": pause})
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _handle_in_turn(self, batch: Sequence[Delivered]) -> None:
        """Handle events, after each leaving as much time to callers as it took: there may be thousands at once."""
        time = asyncio.get_running_loop().time
        await self.model.until_taken_in(batch[-1])
        for delivered in batch:
            began = time()
            await self.handle(delivered)
            await asyncio.sleep(time() - began)

    async def handle(self, delivered: Delivered) -> None:
        """Tell whom the event concerns; a later event of the same person or opportunity makes it needless.

        Raises:
            CareweaveError: the graph does not answer; nothing was told that is not kept.
        """
        event = delivered.event
        index = await self.model.until_taken_in(delivered)
        now = self.ports.clock()
        if event.topic == Topic.PROFILES:
            person = index.person(event.key, now.date())
            if person is not None and person.person.wishes.alerts and person.person.version <= event.version:
                known = await alert_store.told(self.ports.graph, event.key)
                await self._tell(await alerts_for(index, person, now), known)
            return
        if index.tells_from_afar:
            await set_aside(self.ports, index, event.key)
        entry = index.opportunity(event.key)
        if entry is None or entry.opportunity.version > event.version:
            return
        known = await alert_store.told_of(self.ports.graph, event.key)
        if entry.opportunity.is_offered(now.date()):
            await self._tell(await alerts_about(index, entry, now), known)
        elif known:
            async with self.ports.graph.unit_of_work() as unit:
                await alert_store.forget(unit, event.key)

    async def _tell(self, alerts: Sequence[Alert], known: Sequence[Telling]) -> None:
        news = _news(alerts, _by_pair(known))
        for start in range(0, len(news), AT_ONCE):
            await self._tell_once(news[start : start + AT_ONCE])

    async def _tell_once(self, alerts: Sequence[Alert]) -> None:
        """Keep and emit those of `alerts` that nobody has told meanwhile; all are of one person or one opportunity."""
        now = self.ports.clock()
        async with self.ports.graph.unit_of_work() as unit:
            await alert_store.hold(unit, [_pair(alert) for alert in alerts], now)
            known = _by_pair(await self._known(unit, alerts))
            there = [alert for alert in alerts if _pair(alert) in known]
            news = [(alert, _telling(alert, known[_pair(alert)].number + 1)) for alert in _news(there, known)]
            await alert_store.keep(unit, [telling for _, telling in news])
            for alert, telling in news:
                unit.emit(self._event(alert, telling, now))

    async def _known(self, unit: UnitOfWork, alerts: Sequence[Alert]) -> list[Telling]:
        opportunities = {alert.match.entry.opportunity.name for alert in alerts}
        if len(opportunities) == 1:
            return await alert_store.told_of(unit, opportunities.pop())
        return await alert_store.told(unit, alerts[0].match.person)

    def _event(self, alert: Alert, telling: Telling, now: datetime) -> Event:
        match = alert.match
        payload = events_pb2.MatchFound(
            person=match.person,
            opportunity=telling.opportunity,
            title=match.entry.opportunity.title,
            reasons=match.reasons,
            gates=[gate_message(gate) for gate in match.gates if gate.result != GateResult.PASS],
            score=match.score,
        )
        return Event(
            topic=Topic.MATCHES,
            id=self.ports.new_id(),
            type=_TYPE,
            source=EVENT_SOURCE,
            key=f"{match.person}/matches/{telling.opportunity.partition('/')[2]}",
            version=telling.number,
            time=now,
            payload=payload.SerializeToString(deterministic=True),
        )


def _news(alerts: Sequence[Alert], known: Mapping[_Pair, Telling]) -> list[Alert]:
    """Return those of `alerts` of which nobody was told yet, or for another reason from nothing newer."""
    return [alert for alert in alerts if _is_news(alert, known.get(_pair(alert)))]


def _is_news(alert: Alert, told: Telling | None) -> bool:
    if told is None:
        return True
    versions = alert.match.versions
    newer = told.profile_version > versions.profile or told.opportunity_version > versions.opportunity
    return not newer and told.reason != alert.reason


def _telling(alert: Alert, number: int) -> Telling:
    versions = alert.match.versions
    return Telling(*_pair(alert), alert.reason, number, versions.profile, versions.opportunity)


def _pair(alert: Alert) -> _Pair:
    return alert.match.person, alert.match.entry.opportunity.name


def _by_pair(known: Sequence[Telling]) -> dict[_Pair, Telling]:
    return {(each.person, each.opportunity): each for each in known}

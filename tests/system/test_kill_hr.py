"""SIGKILL of the server while an HR feed is being sent, with repetitions, old updates and wrong ones among them.

`CAREWEAVE_TEST_HR_KILLS` says how often (default 2; `make kill-hr` kills 20 times) and `CAREWEAVE_TEST_HR_UPDATES` how
many updates there are (default 2000). However often the server dies, the profiles end as in an undisturbed run, every
update is answered, and nothing is applied twice.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from careweave.config import Settings
from careweave.v1 import hr_pb2
from tests.system.hr_feed import SEED, Service, by_version, events_seen, feed, furnish, send, state

KILLS = int(os.environ.get("CAREWEAVE_TEST_HR_KILLS", "2"))
UPDATES = int(os.environ.get("CAREWEAVE_TEST_HR_UPDATES", "2000"))


async def run(
    settings: Settings, kill_at: set[int], request: pytest.FixtureRequest
) -> tuple[list[int], list[str], Counter[int]]:
    """Return outcomes, final state and events by version of a run in which the server dies at `kill_at`."""
    await furnish(settings)
    service = Service("profiles", settings)
    request.addfinalizer(service.end)
    await service.start()

    async def answered(position: int) -> None:
        if position in kill_at:
            kill_at.discard(position)
            await service.kill()
            await service.start()

    outcomes = await send(settings.listen, feed(UPDATES), answered)
    ended = await state(settings.listen)
    await service.stop()
    seen = await events_seen(settings)
    assert set(seen.values()) == {1}, "an event was published twice"
    return outcomes, ended, by_version(seen)


async def test_a_feed_ends_the_same_however_often_the_server_is_killed(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int], request: pytest.FixtureRequest
) -> None:
    quiet, killed = (
        Settings(
            graph=f"ladybug:{tmp_path / name / 'graph'}",
            events=f"sqlite:{tmp_path / name / 'events.db'}",
            cache=tmp_path / name / "cache",
            listen=f"127.0.0.1:{unused_tcp_port_factory()}",
            log_level="WARNING",
        )
        for name in ("quiet", "killed")
    )
    outcomes, undisturbed, published = await run(quiet, set(), request)
    kill_at = set(random.Random(SEED).sample(range(1, UPDATES), KILLS))
    again, disturbed, republished = await run(killed, kill_at, request)
    assert disturbed == undisturbed
    assert Counter(outcomes)[hr_pb2.UPDATE_OUTCOME_REJECTED] == Counter(again)[hr_pb2.UPDATE_OUTCOME_REJECTED]
    assert republished == published
    sys.stderr.write(f"\n{KILLS} kills among {len(outcomes)} updates ({Counter(outcomes)}): the same end\n")

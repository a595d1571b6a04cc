"""Keeping to the retention rules: what a service does by itself, once a day."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from careweave.errors import CareweaveError
from careweave.v1.common_pb2 import ApplyRetentionResponse

FIRST_SECONDS: Final = 60.0
"""After the start, so that the start is not slowed."""
DAY_SECONDS: Final = 86_400.0
_LOG: Final = logging.getLogger(__name__)


async def keep_to_rules(apply: Callable[[], Awaitable[ApplyRetentionResponse]]) -> None:
    """Call `apply` a minute after the start, and then daily, until cancelled; a failure waits for the next day."""
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        try:
            reply = await apply()
        except CareweaveError:
            _LOG.warning("retention rules could not be applied; trying again tomorrow", exc_info=True)
        else:
            removed = {each.kind: each.removed for each in reply.applied if each.removed}
            _LOG.info("retention rules were applied", extra={"removed": removed})
        await asyncio.sleep(DAY_SECONDS)

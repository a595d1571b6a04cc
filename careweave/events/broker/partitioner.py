"""Which partition an event goes to: by its key alone, as the Java client does.

murmur2 of the key's UTF-8, without its sign, modulo the number of partitions. So producers in other
languages agree (librdkafka: `partitioner=murmur2_random`), and a key stays where it is for as long as the
number of partitions stays; making more partitions of a topic that holds events breaks the order of keys.
"""

from functools import lru_cache
from typing import Any, Final

from kafka.partitioner import Partitioner, murmur2

_REMEMBERED: Final = 1 << 16
_WITHOUT_SIGN: Final = 0x7FFFFFFF


@lru_cache(maxsize=_REMEMBERED)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & _WITHOUT_SIGN


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of `key` among `partitions`."""
    return _hash(key) % partitions


class ByKey(Partitioner):  # type: ignore[misc]
    """What kafka-python asks for the partition of each record."""

    def partition(  # noqa: PLR0917  the signature is kafka-python's
        self,
        topic: str,
        key: Any,  # noqa: ARG002
        serialized_key: bytes,
        value: Any,  # noqa: ARG002
        serialized_value: Any,  # noqa: ARG002
        cluster: Any,
    ) -> int:
        """Return the partition for `serialized_key`."""
        return partition_of(serialized_key, len(cluster.partitions_for_topic(topic)))

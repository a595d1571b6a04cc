"""Who of a group reads which partition; all functions block and run inside a transaction.

Partition p of a topic belongs to the p-th (modulo their number) of the topic's live members in
order of id. A member takes it once its lease is free or expired, and keeps its lease by renewing.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One member of a group: the topics it reads, and how long its leases last."""

    group: str
    member: str
    topics: Sequence[str]
    partitions: int
    lease_seconds: float


def members(connection: sqlite3.Connection, who: Membership, now: float) -> dict[str, list[str]]:
    """Return the live members of the group, by topic, in order."""
    found: dict[str, list[str]] = {topic: [] for topic in who.topics}
    for topic, member in connection.execute(
        "SELECT topic, member FROM member WHERE member_group = ? AND expires > ? ORDER BY topic, member",
        (who.group, now),
    ):
        found.setdefault(topic, []).append(member)
    return found


def share_of(who: Membership, live: dict[str, list[str]]) -> set[Place]:
    """Return the places that fall to the member among `live` members."""
    return {
        (topic, partition)
        for topic in who.topics
        for partition in range(who.partitions)
        if live[topic] and live[topic][partition % len(live[topic])] == who.member
    }


def claim(connection: sqlite3.Connection, who: Membership, now: float) -> set[Place]:
    """Renew the membership, take what falls to it and is free, release the rest; returns what it holds."""
    expires = now + who.lease_seconds
    connection.execute("DELETE FROM member WHERE member_group = ? AND expires <= ?", (who.group, now))
    connection.executemany(
        "INSERT INTO member (member_group, topic, member, expires) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (member_group, topic, member) DO UPDATE SET expires = excluded.expires",
        [(who.group, topic, who.member, expires) for topic in who.topics],
    )
    share = share_of(who, members(connection, who, now))
    for topic, partition in held(connection, who) - share:
        connection.execute(
            "DELETE FROM lease WHERE member_group = ? AND topic = ? AND partition = ?", (who.group, topic, partition)
        )
    connection.executemany(
        "INSERT INTO lease (member_group, topic, partition, member, expires) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (member_group, topic, partition) "
        "DO UPDATE SET member = excluded.member, expires = excluded.expires "
        "WHERE lease.member = excluded.member OR lease.expires <= ?",
        [(who.group, topic, partition, who.member, expires, now) for topic, partition in sorted(share)],
    )
    return held(connection, who)


def renew(connection: sqlite3.Connection, who: Membership, now: float) -> set[Place]:
    """Prolong what the member holds; returns what that is."""
    expires = now + who.lease_seconds
    for table in ("member", "lease"):
        connection.execute(
            f"UPDATE {table} SET expires = ? WHERE member_group = ? AND member = ?",  # noqa: S608 - two constants
            (expires, who.group, who.member),
        )
    return held(connection, who)


def held(connection: sqlite3.Connection, who: Membership) -> set[Place]:
    """Return the places whose lease the member has."""
    return set(
        connection.execute(
            "SELECT topic, partition FROM lease WHERE member_group = ? AND member = ?", (who.group, who.member)
        ).fetchall()
    )


def leave(connection: sqlite3.Connection, who: Membership) -> None:
    """Give all leases back and leave the group."""
    for table in ("member", "lease"):
        connection.execute(
            f"DELETE FROM {table} WHERE member_group = ? AND member = ?",  # noqa: S608 - two constants
            (who.group, who.member),
        )


def position(connection: sqlite3.Connection, group: str, place: Place) -> int:
    """Return the offset of the group's next event; the start if it has read none."""
    row = connection.execute(
        "SELECT next FROM position WHERE member_group = ? AND topic = ? AND partition = ?", (group, *place)
    ).fetchone()
    return int(row[0]) if row else 0


def commit_position(connection: sqlite3.Connection, who: Membership, place: Place, following: int) -> bool:
    """Move the group's position on; returns False, moving nothing, if another member has the lease."""
    return bool(
        connection.execute(
            "INSERT INTO position (member_group, topic, partition, next) SELECT ?1, ?2, ?3, ?4 WHERE EXISTS "
            "(SELECT 1 FROM lease WHERE member_group = ?1 AND topic = ?2 AND partition = ?3 AND member = ?5) "
            "ON CONFLICT (member_group, topic, partition) DO UPDATE SET next = excluded.next",
            (who.group, *place, following, who.member),
        ).rowcount
    )

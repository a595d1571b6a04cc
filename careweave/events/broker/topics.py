"""Making topics, and comparing those that are there with what they would be."""

from collections.abc import Mapping
from typing import Any, Final

from kafka import errors
from kafka.admin import ConfigResource, ConfigResourceType

from careweave.events.broker.cluster import Cluster
from careweave.events.topics import KEPT, SLACK_DAYS, TOMBSTONE_DAYS, Kept, Sizes, TopicState

_DAY_MILLISECONDS: Final = 24 * 60 * 60 * 1000
_MOST_COPIES: Final = 3
_READY_MILLISECONDS: Final = 30_000


def prepare_topics(admin: Any, cluster: Cluster, sizes: Sizes, *, dry_run: bool) -> list[TopicState]:
    """Make the topics that are missing, and say how the others differ; those are left as they are.

    dry_run: whether to change nothing.

    Raises:
        KafkaError: a broker refuses or does not answer.
    """
    copies = sizes.replication or min(_MOST_COPIES, len(admin.describe_cluster()["brokers"]))
    wanted = {cluster.named(topic): _made_with(kept, sizes, copies) for topic, kept in KEPT.items()}
    found = {each["name"]: each for each in admin.describe_topics(list(wanted)) if not each["error_code"]}
    missing = {name: each for name, each in wanted.items() if name not in found}
    if missing and not dry_run:
        _make(admin, missing)
    configs = _configs(admin, list(found)) if found else {}
    return [
        TopicState(name, missing=True)
        if name in missing
        else TopicState(name, missing=False, differs=_differences(found[name], configs[name], each))
        for name, each in wanted.items()
    ]


def _made_with(kept: Kept, sizes: Sizes, copies: int) -> dict[str, Any]:
    return {
        "num_partitions": sizes.partitions * kept.spread,
        "replication_factor": copies,
        # With three copies one broker may be away; an acknowledged event is on two at least.
        "configs": {"min.insync.replicas": str(max(1, copies - 1)), **_cleanup(kept, sizes)},
    }


def _cleanup(kept: Kept, sizes: Sizes) -> dict[str, str]:
    slack = str(SLACK_DAYS * _DAY_MILLISECONDS)
    if kept.compacted:
        return {
            "cleanup.policy": "compact",
            "delete.retention.ms": str(TOMBSTONE_DAYS * _DAY_MILLISECONDS),
            "max.compaction.lag.ms": slack,
            "segment.ms": slack,
        }
    days = sizes.keep_days if kept.days is None else kept.days
    kept_for = str(days * _DAY_MILLISECONDS) if days else "-1"
    return {"cleanup.policy": "delete", "retention.ms": kept_for, "segment.ms": slack}


def _make(admin: Any, missing: Mapping[str, Any]) -> None:
    made = admin.create_topics(dict(missing), raise_errors=False)
    for each in made["topics"]:
        error = errors.for_code(each["error_code"])
        if error not in (errors.NoError, errors.TopicAlreadyExistsError):  # Another process makes them, too.
            raise error(f"{each['name']}: {each.get('error_message')}")
    admin.wait_for_topics(list(missing), timeout_ms=_READY_MILLISECONDS)


def _configs(admin: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described: dict[str, dict[str, Any]] = admin.describe_configs(asked, config_filter="all")["topic"]
    return described


def _differences(found: Mapping[str, Any], configs: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    parts = found["partitions"]
    compared = {
        "partitions": (str(len(parts)), str(wanted["num_partitions"])),
        "replication": (str(len(parts[0]["replica_nodes"])), str(wanted["replication_factor"])),
        **{name: (configs[name]["value"], value) for name, value in wanted["configs"].items()},
    }
    return tuple(f"{what}: {has}, not {wants}" for what, (has, wants) in compared.items() if has != wants)

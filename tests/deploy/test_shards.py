"""Matching in shards: each is one of the plan, found at its address, and reached by the front and its peers alone."""

import pytest
from careweave_matching.shards.plan import Plan, read_plan
from careweave_matching.shards.share import share_of

from careweave.config import read_settings
from tests.deploy.manifests import Overlay, Workload, overlay
from tests.deploy.test_network import for_services, may_reach, selects


@pytest.fixture
def nation() -> Overlay:
    return overlay("nation")


def shards(nation: Overlay) -> dict[str, Workload]:
    return {each.name: each for each in nation.workloads() if each.name.startswith("matching-")}


def plan_in(nation: Overlay) -> Plan:
    return read_plan(read_settings(nation.environment(shards(nation)["matching-rest"])).shards)


def test_every_shard_of_the_plan_runs_at_its_address_and_knows_which_it_is(nation: Overlay) -> None:
    plan = plan_in(nation)
    assert {shard.address.partition(":")[0] for shard in plan.shards} == shards(nation).keys()
    for number, shard in enumerate(plan.shards):
        host, _, port = shard.address.partition(":")
        share = share_of(read_settings(nation.environment(shards(nation)[host])))
        assert share is not None
        assert (share.own, share.plan) == (number, plan)
        assert int(port) in [each["port"] for each in nation.of("Service")[host]["spec"]["ports"]]


def test_the_front_keeps_the_address_of_matching_and_is_no_shard(nation: Overlay) -> None:
    (front,) = (each for each in nation.workloads() if each.name == "matching")
    settings = read_settings(nation.environment(front))
    assert front.pod["containers"][0]["args"] == ["serve", "matching-front"]
    assert (settings.shard, read_plan(settings.shards)) == ("", plan_in(nation))
    replicas = {name: each["spec"]["replicas"] for name, each in nation.of("Deployment").items()}
    assert all(replicas[name] == 2 for name in ("matching", *shards(nation)))


def test_shards_are_reached_by_the_front_and_each_other_and_by_nobody_else(nation: Overlay) -> None:
    pods = {each.name: each for each in nation.workloads()}
    for name, shard in shards(nation).items():
        reaching = {each for each, pod in pods.items() if may_reach(nation, pod, shard, for_services(shard))}
        assert reaching == {"matching", *shards(nation)}, name
        assert not any(may_reach(nation, pod, shard, "grpc") for pod in pods.values()), name
        assert may_reach(nation, shard, pods["profiles"], for_services(pods["profiles"]))
        entering = [
            peer
            for each in nation.of("NetworkPolicy").values()
            if selects(each["spec"]["podSelector"], shard)
            for rule in each["spec"].get("ingress", [])
            for peer in rule["from"]
        ]
        assert all("namespaceSelector" not in peer for peer in entering), name

"""What every pod keeps to, and how the services' pods are watched."""

import re

from careweave_cli.application import careweave as command
from careweave_cli.health import FULL_NAMES
from click.testing import CliRunner
from grpc_health.v1.health import SERVICE_NAME as HEALTH

import careweave
from careweave.config import PREFIX
from careweave.rpc.server import DRAIN_SECONDS
from tests.deploy.manifests import SERVICES, Overlay

DIGEST_OR_VERSION = re.compile(r"(@sha256:[0-9a-f]{64}|:v?\d+\.\d+(\.\d+)?([.-][\w.]+)?)$")


def test_every_container_is_restricted_and_its_root_filesystem_is_read_only(built: Overlay) -> None:
    for workload in built.workloads():
        pod = workload.pod["securityContext"]
        assert pod["runAsNonRoot"], workload
        assert pod["runAsUser"] > 0, workload
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, workload
        for container in workload.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, workload


def test_every_pod_has_an_account_of_its_own_and_no_token(built: Overlay) -> None:
    accounts = built.of("ServiceAccount")
    for workload in built.workloads():
        assert workload.pod["serviceAccountName"] == workload.name
        assert accounts[workload.name]["automountServiceAccountToken"] is False
        assert workload.pod["automountServiceAccountToken"] is False, workload


def test_no_pod_gets_variables_about_services_from_the_cluster(built: Overlay) -> None:
    """Careweave refuses those that begin with its name and are no settings; Neo4j and Kafka take theirs for some."""
    assert all(workload.pod["enableServiceLinks"] is False for workload in built.workloads())


def test_every_container_says_what_it_needs_and_how_much_memory_and_disk_it_may_take(built: Overlay) -> None:
    for workload in built.workloads():
        for container in workload.containers:
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["requests"]), workload
            assert {"memory", "ephemeral-storage"} <= set(container["resources"]["limits"]), workload


def test_every_volume_is_mounted_and_every_mount_has_its_volume(built: Overlay) -> None:
    for workload in built.workloads():
        claims = [
            claim["metadata"]["name"]
            for each in built.of(workload.kind).values()
            if each["metadata"]["name"] == workload.name
            for claim in each["spec"].get("volumeClaimTemplates", [])
        ]
        volumes = {volume["name"] for volume in workload.pod.get("volumes", [])} | set(claims)
        assert {mount["name"] for each in workload.containers for mount in each["volumeMounts"]} == volumes, workload


def test_every_image_is_pinned_and_careweave_s_is_this_version(built: Overlay) -> None:
    for workload in built.workloads():
        for container in workload.containers:
            assert DIGEST_OR_VERSION.search(container["image"]), container["image"]
            if workload.own:
                assert container["image"].rpartition(":")[2] == careweave.__version__


def test_every_port_is_named_and_every_service_leads_to_a_named_port_of_its_pods(built: Overlay) -> None:
    pods = {workload.name: workload for workload in built.workloads()}
    for workload in pods.values():
        assert all(port.get("name") for each in workload.containers for port in each.get("ports", []))
    for name, service in built.of("Service").items():
        selected = service["spec"]["selector"]
        assert selected.items() <= pods[name].labels.items()
        named = {port["name"]: port["containerPort"] for port in pods[name].pod["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert named[port["targetPort"]] == port["port"]


def test_services_are_headless_so_that_clients_take_turns_among_replicas(built: Overlay) -> None:
    for name in SERVICES:
        assert built.of("Service")[name]["spec"]["clusterIP"] == "None"


def test_probes_ask_for_names_that_the_server_knows_and_only_the_process_itself_may_fail_liveness(
    built: Overlay,
) -> None:
    workloads = {workload.name: workload for workload in built.workloads()}
    for name, deployment in built.of("Deployment").items():
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        port = {each["name"]: each["containerPort"] for each in container["ports"]}["health"]
        assert built.environment(workloads[name])["CAREWEAVE_HEALTH_LISTEN"] == f"0.0.0.0:{port}"
        assert container["readinessProbe"]["grpc"] == {"port": port, "service": FULL_NAMES[name.partition("-")[0]]}
        assert container["livenessProbe"]["grpc"] == {"port": port, "service": HEALTH}
        assert container["startupProbe"]["grpc"] == {"port": port, "service": HEALTH}


def test_a_service_that_ends_has_time_to_be_forgotten_and_to_finish_its_calls(built: Overlay) -> None:
    for name in SERVICES:
        pod = built.of("Deployment")[name]["spec"]["template"]["spec"]
        forgotten = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] >= forgotten + 2 * DRAIN_SECONDS


def test_every_service_is_spread_and_loses_one_replica_at_a_time(built: Overlay) -> None:
    for name in SERVICES:
        pod = built.of("Deployment")[name]["spec"]["template"]["spec"]
        assert {each["topologyKey"] for each in pod["topologySpreadConstraints"]} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        assert built.of("PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1


def test_production_has_three_of_matching_and_one_of_skills(production: Overlay) -> None:
    """A replica of skills does not hear of what another one imports."""
    replicas = {name: each["spec"]["replicas"] for name, each in production.of("Deployment").items()}
    assert replicas == {"skills": 1, "planning": 2, "profiles": 2, "matching": 3}


def test_only_careweave_s_variables_begin_with_its_name(built: Overlay) -> None:
    for workload in built.workloads():
        theirs = {name for name in built.environment(workload) if name.startswith(PREFIX)}
        assert bool(theirs) == workload.own, workload


def test_what_a_pod_of_careweave_runs_is_a_command_that_exists(built: Overlay) -> None:
    for workload in built.workloads():
        if workload.own:
            words = workload.pod["containers"][0]["args"]
            result = CliRunner().invoke(command, [*words, "--help"], obj={})
            assert result.exit_code == 0, result.output
            assert (words[0] == "serve") == (workload.name.partition("-")[0] in SERVICES)
            if words[0] == "serve":
                front = workload.name == "matching" and "CAREWEAVE_SHARDS" in built.environment(workload)
                assert words[1:] == ["matching-front" if front else workload.name.partition("-")[0]]

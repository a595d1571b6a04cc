"""Settings of the overlays and of the compose file."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from careweave_cli.devstack.jars import KAFKA, NEO4J

import careweave
from careweave.config import PREFIX, listed, read_settings
from careweave.rpc.serving import check_serving
from tests.deploy.manifests import CAREER_SERVICES, DEPLOY, SERVICES, Overlay, Workload, build, secret


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return parsed


def own(built: Overlay) -> list[Workload]:
    return [workload for workload in built.workloads() if workload.own]


def test_every_variable_is_a_setting_and_the_demo_can_start_with_all(demo: Overlay) -> None:
    for workload in own(demo):
        read_settings(demo.environment(workload))


def test_every_service_may_start_with_its_settings(built: Overlay) -> None:
    for workload in own(built):
        if workload.name in SERVICES:
            check_serving(read_settings(built.environment(workload)))


def test_production_is_no_trial_and_contains_nothing_of_one(production: Overlay) -> None:
    for workload in own(production):
        variables = production.environment(workload)
        assert not [name for name in variables if "TRIAL" in name or "CLOSED_NETWORK" in name]
    folder = DEPLOY / "overlays" / "production"
    assert all("trial-" not in file.read_text(encoding="utf-8") for file in folder.iterdir())


def test_in_production_callers_show_tokens_and_services_certificates(production: Overlay) -> None:
    for workload in own(production):
        settings = read_settings(production.environment(workload))
        assert settings.issuers.startswith("https://")
        assert listed(settings.service_names) == ("skills", "profiles", "matching")
        mounts = {mount["mountPath"]: mount["name"] for mount in workload.pod["containers"][0]["volumeMounts"]}
        for file in (settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file):
            assert mounts[file.rpartition("/")[0]] == "careweave-tls"
        assert bool(settings.token_file) == (workload.name == "taxonomies")  # which only an operator may load
        assert not settings.token_file or mounts[settings.token_file.rpartition("/")[0]] == "operator-token"
        assert bool(settings.service_listen) == (workload.name in CAREER_SERVICES)


def test_production_takes_engines_and_secrets_from_outside(production: Overlay) -> None:
    assert production.of("StatefulSet") == {}
    assert production.of("Secret") == {}
    for workload in own(production):
        settings = read_settings(production.environment(workload))
        assert settings.graph.startswith("neo4j+s://")
        assert settings.events.startswith("kafka://")
    for name in SERVICES:
        deployment = next(each for each in own(production) if each.name == name)
        assert production.environment(deployment)["CAREWEAVE_PAGE_TOKEN_KEY"] == secret("page-tokens")


@pytest.mark.parametrize("engine", ["graph", "events"])
def test_a_password_is_a_mounted_file_where_its_engine_is_used_and_nowhere_else(
    production: Overlay, engine: str
) -> None:
    for workload in own(production):
        file = production.environment(workload)[f"{PREFIX}{engine.upper()}_PASSWORD_FILE"]
        mounts = {mount["mountPath"]: mount["name"] for mount in workload.pod["containers"][0]["volumeMounts"]}
        holds = mounts.get(file.rpartition("/")[0])
        assert (holds == f"{engine}-login") == (f"careweave/uses-{engine}" in workload.labels), workload


def test_production_talks_to_kafka_encrypted_and_by_name(production: Overlay) -> None:
    for workload in own(production):
        settings = read_settings(production.environment(workload))
        assert settings.events_security == "SASL_SSL"
        assert settings.events_user == "careweave"
        assert settings.events_replication == 3


def test_a_certificate_authority_of_kafka_can_be_added(tmp_path: Path) -> None:
    parts = {name: os.path.relpath(DEPLOY / name, tmp_path.resolve()) for name in ("overlays", "components")}
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{parts['overlays']}/production]\ncomponents: [{parts['components']}/events-ca]\n",
        encoding="utf-8",
    )
    trusting = build(tmp_path)
    for workload in own(trusting):
        file = read_settings(trusting.environment(workload)).events_ca_file
        mounts = {mount["mountPath"]: mount["name"] for mount in workload.pod["containers"][0]["volumeMounts"]}
        assert (mounts.get(file.rpartition("/")[0]) == "events-ca") == ("careweave/uses-events" in workload.labels)


def test_planning_alone_knows_where_declarations_are_and_has_their_key(built: Overlay) -> None:
    for workload in own(built):
        named = {name for name in built.environment(workload) if "EQUALITY" in name or name == "CAREWEAVE_PLANNING"}
        mounted = {
            mount["name"] for mount in workload.pod["containers"][0]["volumeMounts"] if "equality" in mount["name"]
        }
        assert bool(named) == bool(mounted) == (workload.name == "planning"), workload


def test_in_production_declarations_are_on_a_server_by_name_with_login_and_key_in_mounted_files(
    production: Overlay,
) -> None:
    planning = next(each for each in own(production) if each.name == "planning")
    settings = read_settings(production.environment(planning))
    assert settings.equality.startswith("postgresql://")
    assert "sslmode=verify-full" in settings.equality
    mounts = {mount["mountPath"]: mount["name"] for mount in planning.pod["containers"][0]["volumeMounts"]}
    secrets = {each["name"]: each["secret"] for each in planning.pod["volumes"] if "secret" in each}
    for file, name in (
        (settings.equality_password_file, "equality-login"),
        (settings.equality_key_file, "equality-key"),
    ):
        assert mounts[file.rpartition("/")[0]] == name
        assert secrets[name]["secretName"] == name


def test_in_the_demo_declarations_outlive_their_pod(demo: Overlay) -> None:
    planning = next(each for each in own(demo) if each.name == "planning")
    file = read_settings(demo.environment(planning)).equality.removeprefix("sqlite:")
    mounts = {mount["mountPath"]: mount["name"] for mount in planning.pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in planning.pod["volumes"]}
    claim = volumes[mounts[file.rpartition("/")[0]]]["persistentVolumeClaim"]["claimName"]
    assert claim in demo.of("PersistentVolumeClaim")
    assert demo.of("Deployment")["planning"]["spec"]["strategy"] == {"type": "Recreate"}


def test_no_secret_is_in_the_manifests(built: Overlay) -> None:
    assert built.of("Secret") == {}


def test_services_find_each_other_at_the_addresses_of_the_settings(built: Overlay) -> None:
    """The last port of a Service is the one for services, where they have one of their own."""
    for workload in own(built):
        environment = built.environment(workload)
        for name in SERVICES:
            ports = [each["port"] for each in built.of("Service")[name]["spec"]["ports"]]
            if name in CAREER_SERVICES:
                assert environment[f"{PREFIX}{name.upper()}"] == f"{name}:{ports[-1]}"
            if workload.name == name:
                variables = ("CAREWEAVE_LISTEN", "CAREWEAVE_SERVICE_LISTEN")[: len(ports)]
                assert [environment[each] for each in variables] == [f"0.0.0.0:{port}" for port in ports]


def test_the_demo_s_engines_are_at_the_addresses_of_the_settings(demo: Overlay) -> None:
    for workload in own(demo):
        environment = demo.environment(workload)
        assert environment["CAREWEAVE_GRAPH"] == "neo4j://neo4j:7687"
        assert environment["CAREWEAVE_EVENTS"] == "kafka://kafka:9092"
    assert {name: each["spec"]["ports"][0]["port"] for name, each in demo.of("Service").items()}.items() >= {
        "neo4j": 7687,
        "kafka": 9092,
    }.items()


def test_compose_and_the_demo_agree_on_settings_commands_and_images(demo: Overlay) -> None:
    services = compose()["services"]
    workloads = {workload.name: workload for workload in demo.workloads()}
    assert services.keys() == workloads.keys()
    for name, workload in workloads.items():
        container = workload.pod["containers"][0]
        assert services[name]["environment"] == demo.environment(workload), name
        assert services[name].get("command") == container.get("args"), name
        assert services[name]["image"].rpartition("/")[2] == container["image"].rpartition("/")[2], name


def test_compose_restricts_its_own_containers_too() -> None:
    for name, service in compose()["services"].items():
        if service["image"].startswith("careweave:"):
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["user"] == "10001:10001", name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_compose_starts_services_after_topics_and_migration_and_those_after_their_engines() -> None:
    services = compose()["services"]
    for name in SERVICES:
        waits = services[name]["depends_on"]
        assert {waits["topics"]["condition"], waits["graph-migration"]["condition"]} == {
            "service_completed_successfully"
        }
        assert services[name]["healthcheck"]["test"] == ["CMD", "careweave", "health", name]
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert services["graph-migration"]["depends_on"] == {"neo4j": {"condition": "service_healthy"}}
    assert all("healthcheck" in services[name] for name in ("kafka", "neo4j"))


def test_the_trial_engines_are_those_that_the_development_stack_runs(demo: Overlay) -> None:
    images = {each.name: each.pod["containers"][0]["image"] for each in demo.workloads() if not each.own}
    assert images == {
        "neo4j": f"neo4j:{NEO4J.name.removeprefix('neo4j-')}-community",
        "kafka": f"apache/kafka:{KAFKA.name.removeprefix('kafka-')}",
    }


def test_the_image_s_tag_is_this_version() -> None:
    assert compose()["services"]["skills"]["image"] == f"careweave:{careweave.__version__}"

"""A real API server takes each overlay as it is, in a namespace that enforces the restricted profile.

`make test-deploy` runs these. There are no nodes and no controllers: nothing is scheduled, no image is run.
"""

import os
from collections.abc import Iterator
from copy import deepcopy

import pytest

from tests.deploy.manifests import DEPLOY, Object, Overlay, Workload
from tools.api_server import ApiServer, api_server
from tools.go_programs import MissingProgramError, build_kubernetes

JOBS_DELETED = ("delete", "job", "--selector", "app.kubernetes.io/part-of=careweave")

pytestmark = pytest.mark.skipif("CAREWEAVE_TEST_DEPLOY" not in os.environ, reason="make test-deploy runs these")


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    try:
        programs = build_kubernetes()
    except MissingProgramError as error:
        pytest.fail(str(error))
    with api_server(programs) as started:
        yield started


@pytest.fixture
def applied(server: ApiServer, built: Overlay) -> Overlay:
    # Overlays share a namespace, and jobs cannot be changed: those of another one go first, as before an upgrade.
    server.kubectl(*JOBS_DELETED, "--namespace", namespace(built))
    answer = server.apply(built.objects)
    assert answer.status == 0, answer.err
    assert "Warning" not in answer.err
    return built


def namespace(built: Overlay) -> str:
    (name,) = built.of("Namespace")
    return name


def as_pod(workload: Workload, built: Overlay) -> Object:
    """Return the pod that a controller would make of `workload`; a claim of its own becomes a scratch folder."""
    spec = deepcopy(workload.pod)
    volumes = spec.setdefault("volumes", [])
    mounted = {mount["name"] for container in workload.containers for mount in container["volumeMounts"]}
    volumes += [{"name": name, "emptyDir": {}} for name in sorted(mounted - {volume["name"] for volume in volumes})]
    metadata = {"name": f"{workload.name}-0", "namespace": namespace(built), "labels": dict(workload.labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_the_server_takes_every_object_without_a_warning_and_again_without_a_change(
    server: ApiServer, applied: Overlay
) -> None:
    listed = server.kubectl("get", "all,configmap,networkpolicy,pdb", "--namespace", namespace(applied), "-o", "name")
    assert listed.status == 0
    kinds = {line.partition("/")[0].partition(".")[0] for line in listed.out.splitlines()}
    assert {"deployment", "service", "job", "configmap", "networkpolicy", "poddisruptionbudget"} <= kinds
    again = server.apply(applied.objects)
    assert again.status == 0, again.err
    assert len(again.out.splitlines()) == len(applied.objects)


def test_every_pod_is_admitted_under_the_restricted_profile(server: ApiServer, applied: Overlay) -> None:
    for workload in applied.workloads():
        answer = server.apply([as_pod(workload, applied)], "--dry-run=server")
        assert answer.status == 0, f"{workload}: {answer.err}"


@pytest.mark.parametrize(
    ("field", "value"),
    [("allowPrivilegeEscalation", True), ("capabilities", {"add": ["NET_ADMIN"]}), ("runAsNonRoot", False)],
)
def test_a_pod_that_breaks_the_profile_is_refused(
    server: ApiServer, applied: Overlay, field: str, value: object
) -> None:
    pod = as_pod(next(each for each in applied.workloads() if each.own), applied)
    pod["spec"]["containers"][0]["securityContext"][field] = value
    answer = server.apply([pod], "--dry-run=server")
    assert answer.status != 0
    assert 'violates PodSecurity "restricted:latest"' in answer.err
    assert field in answer.err


def test_a_field_that_the_server_does_not_know_is_refused(server: ApiServer, applied: Overlay) -> None:
    wrong = deepcopy(applied.of("Deployment")["skills"])
    wrong["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    answer = server.apply([wrong], "--dry-run=server")
    assert answer.status != 0
    assert "imagePullPolice" in answer.err


def test_an_upgrade_is_taken_once_the_jobs_of_the_version_before_are_deleted(
    server: ApiServer, applied: Overlay
) -> None:
    """What a Job runs cannot be changed; the guide says to delete it first."""
    assert " ".join(JOBS_DELETED) in (DEPLOY.parent / "docs" / "guides" / "operators.md").read_text(encoding="utf-8")
    newer: list[Object] = deepcopy(list(applied.objects))
    for each in newer:
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            container["image"] = container["image"].replace("careweave:0.1.0", "careweave:0.2.0")
    refused = server.apply(newer, "--dry-run=server")
    assert refused.status != 0
    assert "field is immutable" in refused.err
    deleted = server.kubectl(*JOBS_DELETED, "--namespace", namespace(applied))
    assert deleted.status == 0, deleted.err
    taken = server.apply(newer)
    assert taken.status == 0, taken.err

"""Every object is one that Kubernetes knows, with no field that it does not."""

from copy import deepcopy

import kubernetes_validate
import pytest

from tests.deploy.manifests import Overlay

KUBERNETES = "1.34"
"""The version that `make test-deploy` applies to; see tools/kubernetes/go.mod."""


def test_every_object_keeps_to_the_strict_schema_of_its_kind(built: Overlay) -> None:
    for each in built.objects:
        assert kubernetes_validate.validate(each, KUBERNETES, strict=True) == KUBERNETES


def test_a_field_that_no_schema_knows_is_refused(demo: Overlay) -> None:
    wrong = deepcopy(demo.of("Deployment")["skills"])
    wrong["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePullPolice"):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_no_object_is_there_twice(built: Overlay) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in built.objects]
    assert len(names) == len(set(names))


def test_all_lies_in_the_namespace_of_the_overlay_which_enforces_the_restricted_profile(built: Overlay) -> None:
    (namespace,) = built.of("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    within = {each["metadata"].get("namespace") for each in built.objects if each["kind"] != "Namespace"}
    assert within == {namespace["metadata"]["name"]}

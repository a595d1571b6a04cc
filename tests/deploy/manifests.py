"""What the overlays of `deploy/` come to, as Kustomize builds them."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import yaml

from tools.go_programs import MissingProgramError, find_kustomize

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
OVERLAYS: Final = tuple(sorted(path.name for path in (DEPLOY / "overlays").iterdir()))
SERVICES: Final = ("matching", "planning", "profiles", "skills")
CAREER_SERVICES: Final = ("matching", "profiles", "skills")
"""Those that call each other; planning is apart."""

Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods: a Deployment, StatefulSet or Job."""

    kind: str
    name: str
    labels: Mapping[str, str]
    pod: Object

    def __str__(self) -> str:
        """Return how it is spoken of."""
        return f"{self.kind}/{self.name}"

    @property
    def containers(self) -> Sequence[Object]:
        """Return all containers, those that only begin the pod among them."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def own(self) -> bool:
        """Tell whether it runs Careweave's image."""
        return bool(self.pod["containers"][0]["name"] == "careweave")


@dataclass(frozen=True, slots=True)
class Overlay:
    """All objects of an overlay."""

    name: str
    objects: Sequence[Object]

    def of(self, kind: str) -> Mapping[str, Object]:
        """Return the objects of that kind by name."""
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    def workloads(self) -> Iterator[Workload]:
        """Yield all that makes pods."""
        for each in self.objects:
            if each["kind"] in ("Deployment", "StatefulSet", "Job"):
                template = each["spec"]["template"]
                yield Workload(each["kind"], each["metadata"]["name"], template["metadata"]["labels"], template["spec"])

    def environment(self, workload: Workload) -> Mapping[str, str]:
        """Return the variables of the workload's first container, those from a secret as `secret` gives them."""
        container = workload.pod["containers"][0]
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= self.of("ConfigMap")[source["configMapRef"]["name"]]["data"]
        for variable in container.get("env", []):
            found[variable["name"]] = variable.get("value") or secret(variable["valueFrom"]["secretKeyRef"]["name"])
        return found


def secret(name: str) -> str:
    """Return what stands for a value that comes from the Secret of that name."""
    return f"<{name}>"


@cache
def kustomize() -> Sequence[str]:
    """Return how to call Kustomize. Without it, and without Go, tests are skipped, but fail under continuous checks."""
    try:
        return find_kustomize()
    except MissingProgramError as error:
        missing = str(error)
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def build(folder: Path) -> Overlay:
    """Return what Kustomize makes of `folder`."""
    built = subprocess.run([*kustomize(), str(folder)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return Overlay(folder.name, [each for each in yaml.safe_load_all(built.stdout) if each])


@cache
def overlay(name: str) -> Overlay:
    """Return the overlay of that name, built."""
    return build(DEPLOY / "overlays" / name)

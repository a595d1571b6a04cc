"""A real Kubernetes API server on loopback, without a cluster: for applying manifests to.

It admits or refuses as any other would, Pod Security included. No controllers run and there are no nodes, so nothing
is scheduled: what an image does when it runs stays untried.
"""

import json
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What kubectl printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running server, and kubectl as its administrator."""

    programs: Path
    folder: Path
    port: int
    token: str

    def kubectl(self, *words: str, given: object = None) -> Answer:
        """Run kubectl, with `given` as JSON on standard input where there is any."""
        command = [
            str(self.programs / "kubectl"),
            "--kubeconfig=/dev/null",
            f"--cache-dir={self.folder / 'kubectl'}",
            f"--server=https://127.0.0.1:{self.port}",
            f"--certificate-authority={self.folder / 'certs' / 'apiserver.crt'}",
            f"--token={self.token}",
            *words,
        ]
        text = None if given is None else json.dumps(given)
        ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    def apply(self, objects: Sequence[object], *words: str) -> Answer:
        """Apply `objects` on the server's side; fields that it does not know are refused."""
        given = {"apiVersion": "v1", "kind": "List", "items": objects}
        return self.kubectl("apply", "--server-side", "--validate=strict", *words, "--filename=-", given=given)


@contextmanager
def api_server(programs: Path) -> Iterator[ApiServer]:
    """Serve from `programs` (see go_programs) on free ports until the block ends; what it stored is then gone.

    Raises:
        RuntimeError: it ended, or is not ready after three minutes; the message has its log's end.
    """
    with tempfile.TemporaryDirectory(prefix="careweave-api-") as place, ExitStack() as running:
        folder = Path(place)
        client, peer, port = _free_ports(3)
        token = secrets.token_urlsafe(24)
        signing = subprocess.run([programs / "signingkey"], capture_output=True, check=True).stdout
        (folder / "signing.pem").write_bytes(signing)
        (folder / "tokens.csv").write_text(f"{token},administrator,1,system:masters\n", encoding="utf-8")
        running.enter_context(_process(folder, "etcd", [programs / "server", *_etcd_flags(folder, client, peer)]))
        flags = _api_server_flags(folder, client, port)
        serving = running.enter_context(_process(folder, "kube-apiserver", [programs / "kube-apiserver", *flags]))
        started = ApiServer(programs, folder, port, token)
        _wait(started, serving)
        yield started


def _etcd_flags(folder: Path, client: int, peer: int) -> list[str]:
    at, among = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={at}",
        f"--advertise-client-urls={at}",
        f"--listen-peer-urls={among}",
        f"--initial-advertise-peer-urls={among}",
        f"--initial-cluster=default={among}",
        "--unsafe-no-fsync",
    ]


def _api_server_flags(folder: Path, client: int, port: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{client}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certs'}",
        f"--service-account-key-file={folder / 'signing.pem'}",
        f"--service-account-signing-key-file={folder / 'signing.pem'}",
        "--service-account-issuer=https://kubernetes.local",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


@contextmanager
def _process(folder: Path, name: str, command: Sequence[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command`, its output in a file, until the block ends."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: ApiServer, serving: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while server.kubectl("get", "--raw=/readyz").status:
        if serving.poll() is not None or time.monotonic() > until:
            logs = [path.read_text(errors="replace")[-2000:] for path in sorted(server.folder.glob("*.log"))]
            raise RuntimeError("The API server does not become ready:\n" + "\n".join(logs))
        time.sleep(_POLL_SECONDS)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]

"""The issuer of a trial, over HTTP, as OIDC issuers are: discovery, keys, and a token for whoever is asked for.

It starts with `CAREWEAVE_TRIAL=yes` alone. It asks nobody for a password: in a trial, anybody may be anyone.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qsl

from careweave.errors import InvalidArgument, Unavailable
from careweave.identity.keys import DISCOVERY
from careweave.identity.signing import LIFETIME, OwnIssuer
from careweave.policy import Caller, Role

_LOG: Final = logging.getLogger(__name__)
_KEYS: Final = "/keys"
_TOKEN: Final = "/token"  # noqa: S105  a path
_LONGEST_FORM: Final = 4096


def trial_caller(role: str, subject: str, organisation: str) -> Caller:
    """Return the caller that a token is asked for.

    Raises:
        InvalidArgument: there is no such role, or it needs a subject.
    """
    try:
        caller = Caller(subject, Role(role), organisation)
    except ValueError as error:
        message = f"There is no role {role!r}; use one of {', '.join(Role)}."
        raise InvalidArgument(message, reason="ROLE_UNKNOWN") from error
    if caller.role is Role.PERSON and not subject.startswith("people/"):
        raise InvalidArgument("In the role person, the subject must be people/….", reason="SUBJECT_MISSING")
    return caller


class Trial(ThreadingHTTPServer):
    """Where a trial's issuer answers; it gets its issuer once it is bound, whose name is its address."""

    daemon_threads = True
    issuer: OwnIssuer

    def __init__(self, host: str, port: int) -> None:
        """Bind. The issuer's name keeps `host` as it is given: under it other processes find the keys."""
        super().__init__((host.strip("[]"), port), _Answers)
        self.url = f"http://{host}:{self.server_port}"


def bind(listen: str) -> Trial:
    """Return a trial's address, bound (port 0: any free one).

    Raises:
        Unavailable: it cannot be bound.
    """
    host, _, port = listen.rpartition(":")
    try:
        return Trial(host, int(port))
    except OSError as error:
        raise Unavailable(
            f"Cannot listen on {listen}: it is in use, or not an address of this machine. "
            "Choose another address with CAREWEAVE_TRIAL_LISTEN.",
            reason="ADDRESS_NOT_BOUND",
            metadata={"address": listen},
        ) from error


@contextmanager
def answering(trial: Trial) -> Iterator[None]:
    """Answer, on threads, during the block; say loudly that this is a trial."""
    _LOG.warning(
        "TRIAL: whoever reaches this server gets a token for any person and any role; never with real people",
        extra={"issuer": trial.url},
    )
    thread = Thread(target=trial.serve_forever, name="trial-issuer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        trial.shutdown()
        trial.server_close()
        thread.join()


class _Answers(BaseHTTPRequestHandler):
    server: Trial
    timeout = 5

    def do_GET(self) -> None:
        url = self.server.url
        if self.path == DISCOVERY:
            self._answer(
                HTTPStatus.OK,
                {
                    "issuer": url,
                    "jwks_uri": url + _KEYS,
                    "token_endpoint": url + _TOKEN,
                    "grant_types_supported": ["client_credentials"],
                    "token_endpoint_auth_methods_supported": ["none"],
                },
            )
        elif self.path == _KEYS:
            self._answer(HTTPStatus.OK, self.server.issuer.key_set())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "0")
        if self.path != _TOKEN or not length.isdecimal() or int(length) > _LONGEST_FORM:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})
            return
        form = dict(parse_qsl(self.rfile.read(int(length)).decode(errors="replace")))
        try:
            caller = trial_caller(form.get("role", ""), form.get("subject", ""), form.get("organisation", ""))
        except InvalidArgument as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "invalid_request", "error_description": error.message})
            return
        token = self.server.issuer.issue(caller).token
        self._answer(
            HTTPStatus.OK,
            {"access_token": token, "token_type": "Bearer", "expires_in": int(LIFETIME.total_seconds())},
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base's
        """Say nothing: a path may hold what somebody was asked for."""

    def _answer(self, status: HTTPStatus, body: Mapping[str, Any]) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(encoded)

"""An OIDC issuer as an installation has one, whose keys and claims a test decides."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from careweave.identity.keys import DISCOVERY

ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def new_key(algorithm: str = "RS256") -> Key:
    """Return a new key for signatures by `algorithm`."""
    match ALGORITHMS[algorithm]:
        case "RSA":
            return RSAKey.generate_key(2048, {"kid": uuid4().hex, "use": "sig"})
        case "EC":
            return ECKey.generate_key("P-256", {"kid": uuid4().hex, "use": "sig"})
        case _:
            return OKPKey.generate_key("Ed25519", {"kid": uuid4().hex, "use": "sig"})


@dataclass
class Issuer:
    """Publishes `keys` at `url`, unless it is `down`, and counts how often it was asked for them."""

    url: str = ""
    keys: list[Key] = field(default_factory=list)
    down: bool = False
    asked: int = 0

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good token of an operator, with those changed that are given; None leaves one out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": "careweave", "iat": now, "exp": now + 300, "jti": uuid4().hex}
        claims = {**usual, "careweave_role": "operator", **changed}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, **changed: Any) -> str:
        """Return a token with those claims changed that are given, signed by the first key."""
        return self.token_by(self.keys[0], **changed)

    def token_by(self, key: Key, **changed: Any) -> str:
        """Return one that is signed by `key`, in the way that is usual for its kind."""
        return signed(self.claims(**changed), key, {"alg": {"RSA": "RS256", "EC": "ES256"}.get(key.key_type, "EdDSA")})


def signed(claims: dict[str, Any], key: Any, header: dict[str, Any]) -> str:
    """Return `claims` signed as `header` says, which may be anything."""
    kid = {} if "kid" in header else {"kid": key.kid}
    return jws.serialize_compact(
        {"typ": "at+jwt", **kid, **header}, json.dumps(claims), key, algorithms=[header["alg"]]
    )


def signed_by_hand(claims: dict[str, Any], header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Return `claims` signed in a way that no library would lend itself to."""
    parts = [_encoded(json.dumps(part).encode()) for part in ({"typ": "at+jwt", **header}, claims)]
    return ".".join([*parts, _encoded(sign(".".join(parts).encode()))])


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run an issuer with one RSA key on a free loopback port."""
    issuer = Issuer(keys=[new_key()])

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if issuer.down:
                self.send_error(503)
                return
            if self.path == "/keys":
                issuer.asked += 1
            body = json.dumps(
                {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
                if self.path == DISCOVERY
                else {"keys": [key.as_dict(private=False) for key in issuer.keys]}
            ).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

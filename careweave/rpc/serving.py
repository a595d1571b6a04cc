"""What must be settled before a server listens: how callers are known, and that nobody reads along."""

import sys
from typing import Final
from urllib.parse import urlsplit

from careweave.config import Settings, listed
from careweave.errors import InvalidArgument
from careweave.identity.fetching import is_loopback

_TLS: Final = ("tls_certificate_file", "tls_key_file")
_MUTUAL: Final = (*_TLS, "tls_ca_file", "service_names")


def check_serving(settings: Settings) -> None:
    """Return if a server of `settings` may start.

    Raises:
        InvalidArgument: it would not know its callers, or let others read along; the message says what to set.
    """
    if not settings.issuers and settings.trial != "yes":
        raise InvalidArgument(
            "Nobody could call: set CAREWEAVE_ISSUERS to the OIDC issuers whose tokens are taken, or "
            "CAREWEAVE_TRIAL=yes for a trial with fictional people, where whoever asks gets a token for anybody.",
            reason="ISSUERS_MISSING",
        )
    _check_issuers(settings)
    _check_together(settings, _TLS, wanted=any(getattr(settings, name) for name in _TLS))
    _check_together(settings, _MUTUAL, wanted=bool(settings.service_listen))
    _check_listening(settings)
    if settings.processes > 1 and sys.platform != "linux":
        raise InvalidArgument(
            "CAREWEAVE_PROCESSES above 1 needs Linux, which spreads connections over processes that share a port; "
            "elsewhere, start replicas of matching.",
            reason="PROCESSES_NEED_LINUX",
        )


def secured(settings: Settings) -> bool:
    """Tell whether a server of `settings` speaks TLS."""
    return bool(settings.tls_certificate_file)


def _check_issuers(settings: Settings) -> None:
    for issuer in listed(settings.issuers):
        parts = urlsplit(issuer)
        near = is_loopback(parts.hostname or "") or settings.trial == "yes"
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and near)):
            raise InvalidArgument(
                f"CAREWEAVE_ISSUERS: {issuer} must be https; plain http is for this machine and for trials.",
                reason="SETTING_INVALID",
            )


def _check_together(settings: Settings, names: tuple[str, ...], *, wanted: bool) -> None:
    missing = [f"CAREWEAVE_{name.upper()}" for name in names if wanted and not getattr(settings, name)]
    if missing:
        raise InvalidArgument(f"For TLS, set {' and '.join(missing)} too.", reason="TLS_INCOMPLETE")


def _check_listening(settings: Settings) -> None:
    trial = settings.trial == "yes"
    for name in ("listen", "trial_listen") if trial else ("listen",):
        address = str(getattr(settings, name))
        if is_loopback(address.rpartition(":")[0]):
            continue
        if trial and settings.closed_network != "yes":
            raise InvalidArgument(
                f"CAREWEAVE_{name.upper()}={address} is not a loopback address, and in a trial anybody may be "
                "anyone. Listen on 127.0.0.1, or set CAREWEAVE_CLOSED_NETWORK=yes if nobody else reaches that network.",
                reason="OPEN_LISTENING_REFUSED",
            )
        if not trial and not secured(settings):
            raise InvalidArgument(
                f"CAREWEAVE_{name.upper()}={address} is not a loopback address, and tokens would pass in plain text. "
                "Listen on 127.0.0.1, or set CAREWEAVE_TLS_CERTIFICATE_FILE and CAREWEAVE_TLS_KEY_FILE.",
                reason="OPEN_LISTENING_REFUSED",
            )

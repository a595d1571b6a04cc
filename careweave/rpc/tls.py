"""TLS of servers and clients, from the files that the settings name."""

import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

import grpc

from careweave.config import Settings
from careweave.errors import FailedPrecondition

_LOG: Final = logging.getLogger(__name__)


def server_credentials(settings: Settings, *, mutual: bool) -> grpc.ServerCredentials:
    """Return with what a server shows who it is; its files are read again when they have changed.

    mutual: whether whoever connects must show a certificate that is signed by one in `settings.tls_ca_file`.

    Raises:
        FailedPrecondition: a file cannot be read, or key and certificate do not belong together.
    """
    files = _files(settings, mutual=mutual)
    watched = _Watched(files, lambda: _configuration(files))
    # None from the second means that nothing has changed, which its types do not say.
    fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", watched.changed)
    return grpc.dynamic_ssl_server_credentials(watched.first, fetch, require_client_authentication=mutual)


def channel_credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    """Return with what a client checks a server, and shows its own certificate if it has one; None for plain text.

    The files are read now: a client that lives longer than its certificate must be started anew.

    Raises:
        FailedPrecondition: as `server_credentials`.
    """
    if not settings.tls_ca_file:
        return None
    authority = _read(settings.tls_ca_file)
    if not settings.tls_certificate_file:
        return grpc.ssl_channel_credentials(authority)
    _check_pair(settings.tls_certificate_file, settings.tls_key_file)
    return grpc.ssl_channel_credentials(authority, _read(settings.tls_key_file), _read(settings.tls_certificate_file))


class _Watched:
    """A configuration that is made again when one of its files has changed; grpc asks at each connection."""

    def __init__(self, files: Sequence[str], make: Callable[[], grpc.ServerCertificateConfiguration]) -> None:
        self._files = files
        self._make = make
        self._seen = self._stamps()
        self.first = make()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the new configuration, or None if there is none that can be used."""
        stamps = self._stamps()
        if stamps == self._seen:
            return None
        self._seen = stamps
        try:
            made = self._make()
        except FailedPrecondition as error:
            _LOG.error("changed TLS files cannot be used; the ones before are", extra={"why": error.message})
            return None
        _LOG.info("TLS files were read again")
        return made

    def _stamps(self) -> list[int]:
        return [_stamp(file) for file in self._files]


def _files(settings: Settings, *, mutual: bool) -> tuple[str, ...]:
    own = (settings.tls_key_file, settings.tls_certificate_file)
    return (*own, settings.tls_ca_file) if mutual else own


def _configuration(files: Sequence[str]) -> grpc.ServerCertificateConfiguration:
    key, certificate, *authority = files
    _check_pair(certificate, key)
    return grpc.ssl_server_certificate_configuration(
        [(_read(key), _read(certificate))], _read(authority[0]) if authority else None
    )


def _check_pair(certificate: str, key: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise FailedPrecondition(
            f"The certificate in {certificate} and the key in {key} cannot be used together; both must be "
            "readable, PEM, and of one pair.",
            reason="TLS_FILES_UNUSABLE",
        ) from error


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise FailedPrecondition(f"{file} cannot be read; TLS needs it.", reason="TLS_FILES_UNUSABLE") from error


def _stamp(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0

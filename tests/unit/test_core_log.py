import logging

import pytest

from careweave.rpc.core_log import log_line

AT = "I1128 14:50:19.263795   30633"


@pytest.mark.parametrize(
    ("line", "level", "says"),
    [
        (
            (
                f"{AT} ssl_transport_security.cc:2563] Handshake failed with error SSL_ERROR_SSL: error:100000f7:SSL "
                "routines:OPENSSL_internal:WRONG_VERSION_NUMBER: Invalid certificate verification context"
            ),
            logging.WARNING,
            "a connection was refused: it came with no TLS, perhaps plain text",
        ),
        (
            f"{AT} ssl_transport_security.cc:2563] Handshake failed with error SSL_ERROR_SSL: something new",
            logging.WARNING,
            "a connection was refused: it came with no TLS that could be agreed on",
        ),
        ("E1128 14:50:19.1 7 server.cc:12] out of memory", logging.ERROR, "gRPC's core: out of memory"),
        ("what another library says", logging.WARNING, "written to standard error"),
    ],
    ids=["plain text", "of another version", "an error", "another library"],
)
def test_what_the_core_writes_is_a_line_of_our_log(
    caplog: pytest.LogCaptureFixture, line: str, level: int, says: str
) -> None:
    caplog.set_level(logging.INFO)
    log_line(line)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, says)]


def test_an_empty_line_is_none(caplog: pytest.LogCaptureFixture) -> None:
    log_line("")
    assert not caplog.records

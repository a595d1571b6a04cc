import base64
from pathlib import Path

import pytest

from careweave.config import Settings
from careweave.errors import InvalidArgument
from careweave.rpc.paging import decode_token, encode_token, page, token_key
from careweave.v1 import matching_pb2

KEY = b"a key for this test"
Request = matching_pb2.ListOpportunitiesRequest


def test_a_token_gives_back_the_position_it_was_made_with() -> None:
    token = encode_token(KEY, Request(organisation="organisations/a"), "opportunities/ž")
    assert decode_token(KEY, Request(organisation="organisations/a", page_token=token)) == "opportunities/ž"


def test_no_token_is_the_first_page() -> None:
    assert decode_token(KEY, Request()) == ""


def test_the_page_size_may_change_between_pages() -> None:
    token = encode_token(KEY, Request(page_size=10), "x")
    assert decode_token(KEY, Request(page_size=20, page_token=token)) == "x"


def test_the_page_after_a_page_continues_from_the_same_request() -> None:
    first = encode_token(KEY, Request(), "x")
    second = encode_token(KEY, Request(page_token=first), "y")
    assert decode_token(KEY, Request(page_token=second)) == "y"


def altered(token: str) -> str:
    signed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    signed[-1] ^= 1
    return base64.urlsafe_b64encode(bytes(signed)).decode().rstrip("=")


@pytest.mark.parametrize(
    "request_",
    [
        Request(page_token=altered(encode_token(KEY, Request(), "x"))),
        Request(page_token=encode_token(b"another key", Request(), "x")),
        Request(page_token=encode_token(KEY, Request(organisation="organisations/a"), "x")),
        Request(page_token=encode_token(KEY, matching_pb2.FindOpportunitiesRequest(), "x")),
        *(Request(page_token=token) for token in ("?", "é", "abc")),
    ],
    ids=["altered", "other key", "other filter", "other method", "not base64", "not ASCII", "too short"],
)
def test_a_token_that_does_not_belong_to_the_request_is_refused(request_: Request) -> None:
    with pytest.raises(InvalidArgument) as caught:
        decode_token(KEY, request_)
    assert caught.value.reason == "PAGE_TOKEN_INVALID"
    assert [each.field for each in caught.value.violations] == ["page_token"]


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (7, 7), (5000, 1000)])
def test_a_page_has_the_default_size_unless_asked_and_never_more_than_the_maximum(asked: int, given: int) -> None:
    assert page(Request(page_size=asked), "page_size", 50, 1000) == given


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        page(Request(page_size=-1), "page_size", 50, 1000)


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(cache=tmp_path / "cache")
    assert token_key(settings) == token_key(settings)
    (file,) = (tmp_path / "cache").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_replicas_share_the_key_of_the_settings(tmp_path: Path) -> None:
    assert token_key(Settings(cache=tmp_path / "cache", page_token_key=KEY.decode())) == KEY
    assert not (tmp_path / "cache").exists()

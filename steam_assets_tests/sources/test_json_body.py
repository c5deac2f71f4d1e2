"""Strict decoding: an invalid body is rejected, and the error describes it."""

from __future__ import annotations

import json

import pytest

from steam_assets.sources.json_body import decode, decode_service
from steam_assets.sources.source import InvalidResponse


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html><title>Maintenance</title>", "HTML"),
        (b"null", "expected a JSON object"),
        (b"[1]", "expected a JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1', "invalid JSON"),
        (b'{"a": 1} {}', "invalid JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "5000 characters"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "deep"),
        (b'{"a":' * 200_000, "deep"),
        (b'{"a": "\x00"}', "invalid JSON"),
    ],
)
def test_an_invalid_response_is_refused_with_what_was_received(body: bytes, said: str) -> None:
    """Each kind of invalid body raises InvalidResponse, which is retried, and no other exception."""
    with pytest.raises(InvalidResponse, match=said):
        decode(body)


@pytest.mark.parametrize("body", [b'{"response":{}}', b'{"response":null}', b"{}", b'{"response":[]}'])
def test_a_refused_service_call_is_not_an_empty_response(body: bytes) -> None:
    """Steam returns 200 and an empty response for a call it refuses, which does not mean that there is no data."""
    with pytest.raises(InvalidResponse, match="response"):
        decode_service(body)


def test_a_byte_order_mark_and_broken_utf8_do_not_stop_reading() -> None:
    """A leading mark is skipped, and bytes that are not UTF-8 become U+FFFD, as in the envelope."""
    assert decode(b'\xef\xbb\xbf{"a": "\xff"}') == {"a": "\ufffd"}


def test_numbers_beyond_64_bits_are_accepted_and_classified_in_cleaning() -> None:
    """A 30-digit number makes one item invalid, not the body."""
    assert decode(json.dumps({"a": 10**30}).encode()) == {"a": 10**30}

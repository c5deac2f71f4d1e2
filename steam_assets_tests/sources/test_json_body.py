"""Strict decoding: an invalid body is rejected, and the error describes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steam_assets.masking import visible
from steam_assets.sources import news
from steam_assets.sources.json_body import LONGEST_NAME, LONGEST_NUMBER, LONGEST_STRING, decode, decode_service
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
        (b'{"a": [{"b": 1, "' + b"x" * (LONGEST_NAME + 1) + b'": 2}]}', "a name of more than"),
        (b'{"a": [{"b": "' + b"x" * (LONGEST_STRING + 1) + b'"}]}', "a text of more than"),
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


@given(
    before=st.integers(0, 2 * LONGEST_NUMBER),
    after=st.integers(0, 2 * LONGEST_NUMBER),
    number=st.sampled_from([b"9%s", b"-1%s", b"0.%s", b"1e%s"]),
    digits=st.integers(LONGEST_NUMBER - 3, LONGEST_NUMBER + 3),
)
def test_a_long_number_is_refused_wherever_it_stands(before: int, after: int, number: bytes, digits: int) -> None:
    """Also with other text around it. A text may have as many digits."""
    written = number % (b"0" * digits)
    body = b'{"%s": %s, "%s": 1}' % (b"a" * before, written, b"b" * (after + before + 1))
    if len(written) > LONGEST_NUMBER:
        with pytest.raises(InvalidResponse, match=f"a number of {len(written)} characters"):
            decode(body)
    else:
        decode(body)
    text = "7" * digits
    assert decode(json.dumps({"a" * before: text}).encode()) == {"a" * before: text}


def test_what_a_message_quotes_can_be_shown_and_sent() -> None:
    """It goes into logs, and into the headers of dead letters, which half of a character pair cannot be encoded for."""
    with pytest.raises(InvalidResponse, match="other fields: \N{REPLACEMENT CHARACTER}") as refused:
        news.parse(b'{"appnews": {"\\ud800\\u001b": 1}}')
    assert str(refused.value).encode().decode() == visible(str(refused.value))


def test_an_object_may_have_many_names_together_longer_than_one_may_be() -> None:
    body = {str(number) * 3 + "x" * (LONGEST_NAME - 9): number for number in range(100, 103)}
    assert decode(json.dumps(body).encode()) == body


def test_numbers_beyond_64_bits_are_accepted_and_classified_in_cleaning() -> None:
    """A 30-digit number makes one item invalid, not the body."""
    assert decode(json.dumps({"a": 10**30}).encode()) == {"a": 10**30}

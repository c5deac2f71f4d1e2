"""News markup to text: what is markup goes, what is text stays, in bounded time."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steam_assets.sources.markup import LONGEST, plain_text, web_address


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[h1]News[/h1]\n[b]Bold[/b] and [i]more[/i]", "News\n\nBold and more"),
        ('[p align="start"]One[/p][p]Two[/p]', "One\n\nTwo"),
        ("[list][*]a[*]b[/list]", "• a\n• b"),
        ("[list][*][p]a[/p][/*][*][p]b[/p][/*][/list]", "•\na\n\n•\nb"),
        ("[url=https://x.y/?a=1]here[/url]", "here"),
        ("a[img]{STEAM_CLAN_IMAGE}/1/f.png[/img]b", "ab"),
        ('a[img src="{STEAM_CLAN_IMAGE}/1/f.png"][/img]b', "ab"),
        ('[previewyoutube="abc;full"][/previewyoutube]Watch', "Watch"),
        (r"\[ Items ] and \[b]", "[ Items ] and [b]"),
        ("[ Season 5 ] [RU] kept", "[ Season 5 ] [RU] kept"),
        ("<p>One<br/>two</p><ul><li>a</li><li>b</li></ul>", "One\ntwo\n\n• a\n\n• b"),
        ("<strong>Counter-Strike&nbsp;2</strong> &amp; more &#39;now&#39;", "Counter-Strike 2 & more 'now'"),
        ("a<script>alert('x')</script>b<style>p{}</style>c", "abc"),
        ("I <3 this, 5 < 6 > 4, <Player> joins", "I <3 this, 5 < 6 > 4, <Player> joins"),
        ("&lt;b&gt;", "<b>"),
        ("Обновление 更新 עדכון 🎮👨‍👩‍👧", "Обновление 更新 עדכון 🎮👨‍👩‍👧"),
        ("a\x00b\ud800c", "a\ufffdb\ufffdc"),
        ("one\r\ntwo\n\n\n\nthree", "one\ntwo\n\nthree"),
        ("", ""),
    ],
)
def test_text_without_markup(source: str, text: str) -> None:
    """BBCode of both forms and HTML go; words, alphabets, emoji, brackets that are no tags and line breaks stay."""
    assert plain_text(source).text.replace("\n\n•", "\n•") == text.replace("\n\n•", "\n•")


@pytest.mark.parametrize(
    "piece", ["<", "[", "[b]", "<div>", "<b><i>", "[img]", "&amp;", "<!--", "\\[", "[list][*]", "<a b='"]
)
def test_hostile_texts_take_bounded_time(piece: str) -> None:
    """A text of nothing but openings, as long as is read at all, takes seconds at most and does not crash."""
    began = process_time()
    plain_text(piece * (LONGEST // len(piece)))
    assert process_time() - began < 20


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    """Nothing is dropped unsaid."""
    assert plain_text("x" * (LONGEST + 1)) == type(plain_text(""))("x" * LONGEST, cut=True)
    assert not plain_text("x" * LONGEST).cut


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="[]<>&\\")))
def test_text_without_any_markup_stays_as_it_is(text: str) -> None:
    """Every character that is not markup comes out as it went in."""
    assert plain_text(text).text == text


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://h/news/PC Gamer/1", "https://h/news/PC%20Gamer/1"),
        ("https://h/группа/1?a=b%20c", "https://h/%D0%B3%D1%80%D1%83%D0%BF%D0%BF%D0%B0/1?a=b%20c"),
        ('https://h/"><script>', "https://h/%22%3E%3Cscript%3E"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//h/x", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_addresses_are_encoded_or_left_out(url: str, address: str | None) -> None:
    """An address is one that a browser takes for a web page's, or none."""
    assert web_address(url) == address

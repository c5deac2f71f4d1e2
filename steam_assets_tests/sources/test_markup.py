"""News markup to plain text: markup is removed, text stays, in bounded time."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steam_assets.sources.markup import LONGEST, plain_text, web_address
from steam_assets.sources.markup_tags import BECOMES, HTML_NAMES, HTML_TAGS, STEAM_NAMES, STEAM_TAGS, WORD_NAMES, WORDS
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.waiting import in_time

REPOSITORY = Path(__file__).resolve().parents[2]
CLAN = "https://clan.akamai.steamstatic.com/images"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[h1]News[/h1]\n[b]Bold[/b] and [i]more[/i]", "News\n\nBold and more"),
        ('[p align="start"]One[/p][p]Two[/p]', "One\n\nTwo"),
        ("[list][*]a[*]b[/list]", "• a\n• b"),
        ("[list][*][p]a[/p][/*][*][p]b[/p][/*][/list]", "• a\n• b"),
        ("[url=https://x.y/?a=1]here[/url]", "here"),
        ("a[img]{STEAM_CLAN_IMAGE}/1/f.png[/img]b", "ab"),
        ('a[img src="{STEAM_CLAN_IMAGE}/1/f.png"][/img]b', "ab"),
        ('[previewyoutube="abc;full"][/previewyoutube]Watch', "Watch"),
        (r"\[ Items ] and \[b]", "[ Items ] and [b]"),
        ("[ Season 5 ] [RU] kept", "[ Season 5 ] [RU] kept"),
        ("<p>One<br/>two</p><ul><li>a</li><li>b</li></ul>", "One\ntwo\n\n• a\n• b"),
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
    """BBCode (both forms) and HTML go; words, scripts, emoji, brackets that are not tags and line breaks stay."""
    assert plain_text(source).text == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[p]New[/p][list][*][p]a[/p][list][*][p]b[/p][/*][/list][/*][*][p]c[/p][/*][/list][p]End[/p]",
         "New\n\n• a\n• b\n• c\n\nEnd"),
        ("Fixes:\n[list]\n[*] one\n[*] two\n[/list]\nMore", "Fixes:\n\n• one\n• two\n\nMore"),
        ("[*]a\n\n[*]b", "• a\n• b"),
        ("[olist][*]a[list][*]x[/list][*]b[olist][*]c[*]d[/olist][/*][*]e[/olist]",
         "1. a\n• x\n2. b\n1. c\n2. d\n3. e"),
        ("[list=1][*]a[*]b[/list]", "1. a\n2. b"),
        ("<ol start=4><li>a<li value=9><p>b</p></li><li>c</ol>", "4. a\n9. b\n10. c"),
        ("[list][*][/*][*]a[/*][/list]", "• a"),
        ("[list][*]a[/*]b[*]c[/list]", "• a\nb\n• c"),
        ("[list][*]a[expand type=details]\nb\nc\n[/expand]\n\n[*]d[/list]", "• a\nb\nc\n• d"),
        ("[table][tr][th]Map[/th][th][p]Wins[/p][p][/p][/th][/tr][tr][td]A\nB[/td][td]3[/td][/tr][/table]end",
         "Map | Wins\nA B | 3\n\nend"),
        ("[table][tr][td][/td][td]x[/td][/tr][tr][td]y[/td][td][/td][/tr][tr][td][/td][td][/td][/tr][/table]",
         "| x\ny |"),
        ("<table><tr><th>a<th>b<tr><td><ul><li>1<li>2</ul><td>3</table>", "a | b\n• 1 • 2 | 3"),
        ("[table]\n[tr]\n  [th]A[/th]\n  [th]\nB\n[/th]\n[/tr]\n\n[tr]\n[td]1[/td]\n[td]2[/td]\n[/tr]\n[/table]\nend",
         "A | B\n1 | 2\n\nend"),
        ("[table][tr][td]a[/td][td][img]x.png[/img][/td][/tr]never\nclosed", "a |\nnever\nclosed"),
        ("<table>\n <tr>\n  <td>a</td>\n  <td>b</td>\n </tr>\n</table>", "a | b"),
        ("[tr][td]a[/td][td]b[/td][/tr]", "a b"),
    ],
)  # fmt: skip
def test_lists_and_tables(source: str, text: str) -> None:
    """An item is a line with its bullet or number, and a row a line with separated cells, closed or not."""
    assert plain_text(source).text == text


@pytest.mark.parametrize(
    ("source", "text", "links", "images"),
    [
        ('[url="https://x.y/?a[]=1&b=2"]here[/url], [url]https://z.w/1[/url]', "here, https://z.w/1",
         ["https://x.y/?a[]=1&b=2", "https://z.w/1"], []),
        ("[url=https://x.y/?a=1&amp;region=2&copy=3]a[/url][url=https://x.y/?a=1&region=2&copy=3]b[/url]", "ab",
         ["https://x.y/?a=1&region=2&copy=3"], []),
        ("See https://x.y/a_(b), (https://z.w/?q=1&lt=2).", "See https://x.y/a_(b), (https://z.w/?q=1&lt=2).",
         ["https://x.y/a_(b)", "https://z.w/?q=1&lt=2"], []),
        ('[h2]Live[/h2][dynamiclink href="https://t.tv/a"][/dynamiclink]', "Live\n\nhttps://t.tv/a",
         ["https://t.tv/a"], []),
        ("[dynamiclink href=https://t.tv/a]Us[/dynamiclink]!", "Us\n!", ["https://t.tv/a"], []),
        ("[youtube]dQw4w9WgXcQ[/youtube][previewyoutube=abc-123_DEF;full][/previewyoutube]x", "x",
         ["https://www.youtube.com/watch?v=dQw4w9WgXcQ", "https://www.youtube.com/watch?v=abc-123_DEF"], []),
        ("[video mp4={STEAM_CLAN_IMAGE}/1/a.mp4 poster={STEAM_CLAN_IMAGE}/1/p.png][/video]", "",
         [f"{CLAN}/1/a.mp4"], [f"{CLAN}/1/p.png"]),
        ("[url=javascript:alert(1)]a[/url][url=steam://run/1]b[/url]<a href='data:text/html,x'>c</a><a href='/d'>d</a>",
         "abcd", [], []),
        ("[url=&quot;https://x.y/&quot;]q[/url]", "q", ["https://x.y/"], []),
        ("[url=store.steampowered.com/app/730]CS[/url]", "CS", ["https://store.steampowered.com/app/730"], []),
        ("[url=https://x.y][img]https://x.y/a b.png[/img][/url]", "", ["https://x.y"], ["https://x.y/a%20b.png"]),
        ("<a href='https://x.y/?a=1&copy=2&amp;b=3'>t</a><img src='//x.y/i.png'><iframe src='https://x.y/v'>no</iframe>",
         "t", ["https://x.y/?a=1&copy=2&b=3", "https://x.y/v"], ["https://x.y/i.png"]),
        ("{STEAM_CLAN_IMAGE}/1/a.jpg{STEAM_CLAN_LOC_IMAGE}/2/b.pngNext {STEAM_APP_IMAGE}/c.png {STEAM_CLAN_IMAGE}/3",
         "Next", [], [f"{CLAN}/1/a.jpg", f"{CLAN}/2/b.png"]),
        ("[carousel][img]{STEAM_CLAN_IMAGE}/1/a.png[/img][img]{STEAM_CLAN_IMAGE}/1/b.png[/img][/carousel]end", "end",
         [], [f"{CLAN}/1/a.png", f"{CLAN}/1/b.png"]),
    ],
)  # fmt: skip
def test_addresses(source: str, text: str, links: list[str], images: list[str]) -> None:
    """Targets and images are absolute web addresses, in order, each once. A card without text shows its own."""
    found = plain_text(source)
    assert (found.text, list(found.links), list(found.images)) == (text, links, images)


@pytest.mark.parametrize(
    "text",
    [
        "[PATCH NOTES] [1.2.3] [EU] array[0] x[i+1] []", "[VIDEO] Press [B] for [S] tier",
        "[video games] [Code name: X] [P 1.0] [of=b]c[/of]", "AT&T, Q&A, &copy &region; &notit;",
        "a <= b, <T>, List<String>, <-- and -->", "{x} {STEAM} :smile:", "C:\\Games\\new", "a [EU",
    ],
)  # fmt: skip
def test_text_that_only_looks_like_markup_is_kept(text: str) -> None:
    """Brackets, angle brackets, ampersands and backslashes in prose stay."""
    assert plain_text(text).text == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[code]if a[0]:\n    [b]x[/b]  &lt; <i>1</i>\n[/code]end", "if a[0]:\n    [b]x[/b]  < <i>1</i>\nend"),
        ("[noparse][url=x]y[/url] \\[b][/noparse] [B]z[/B]", "[url=x]y[/url] \\[b] z"),
        ("<p>[code]<b>[/code]</p>", "<b>"),
        ("[code]never [b]closed", "never closed"),
        ("&#91;b&#93; &lt;i&gt; &amp;lt; &#x5b;/b]", "[b] <i> &lt; [/b]"),
    ],
)
def test_visible_text_is_kept(source: str, text: str) -> None:
    """Tags in code, after a backslash or as entities are text; an entity is decoded once."""
    assert plain_text(source).text == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[b][i]x[/b]y[/i] [/list][/td][/quote]z", "xy z"),
        ('[img src="{STEAM_CLAN_IMAGE}/1/a.png"] a [img]{STEAM_CLAN_IMAGE}/1/b.png b', "a b"),
        ("[quote][table][tr][td]x[/quote]y[/td][td]z[/td][/tr][/table]w", "xy | z\n\nw"),
        ("[table][tr][td]a[td]b[tr][td]c[/table]d", "a | b\nc\n\nd"),
        ("[olist][*]a[/list]b", "1. a\n\nb"),
        ('[url="https://x.y]a[/url] "b"]', 'a "b"]'),
        ("[LIST][*]a[/LIST][HR][IMG]x[/IMG]", "• a"),
        ("[p]<b>x[/p]</b><br>[i]y<script>[b]</script>[/i]", "x\n\ny"),
        ("<textarea><b>x</b></textarea><title><i>y</i></title>", "xy"),
        ("[[b]b] <[i]b>", "[ b] < b>"),
        ("[\u017f] [stri\u212ae]", "[\u017f] [stri\u212ae]"),
        ("a\x07\x1b[b]\x0bb\x7f\x9f\x1fc\ufffe[/b]\uffff\ufdd0a", "a b c\ufffe\uffff\ufdd0a"),
    ],
)
def test_broken_markup(source: str, text: str) -> None:
    """Unclosed, misnested, upper-case and mixed tags, and characters that trees cannot contain."""
    assert plain_text(source).text == text


WHOLE = (
    '[h2]New[/h2][p]See [url="https://x.y/z"]here[/url] and {STEAM_CLAN_IMAGE}/1/a.png[/p][list][*][b]One[/b][/*]'
    '[/list][img src="{STEAM_CLAN_IMAGE}/1/b.png"][/img][previewyoutube="dQw4w9WgXcQ;full"][/previewyoutube][p]End[/p]'
)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_text_cut_anywhere(length: int) -> None:
    """A truncated tag is not text, and a truncated address is not an address."""
    found, whole = plain_text(WHOLE[:length]), plain_text(WHOLE)
    assert not set("[]{}=/") & set(re.sub(r"\{STE?A?\Z|\{S?\Z", "", found.text)), found.text
    assert {*found.links} <= {*whole.links} and {*found.images} <= {*whole.images}


def test_html_cut_anywhere() -> None:
    """The same holds for HTML."""
    whole = '<p>One <strong>two</strong> <a href="https://x.y/z">three</a></p><img src="https://x.y/i.png"/>four'
    for length in range(len("<p>"), len(whole)):
        found = plain_text(whole[:length])
        assert not set("<>=/") & set(found.text), found.text
        assert {*found.links} <= {"https://x.y/z"} and {*found.images} <= {"https://x.y/i.png"}


TAGS = [f"[{slash}{name}]" for name in STEAM_TAGS for slash in ("", "/")]
TAGS += [f"<{slash}{name}>" for name in HTML_TAGS for slash in ("", "/")]
PIECES = [
    *TAGS, "[", "]", "<", ">", "/", "b", "=", '"', " ", "\n", "text", "[url=https://x.y]", '[img src="', "&amp;",
    "&#0;", "{STEAM_CLAN_IMAGE}/1/a.png", "<!--", "-->", "<a href='", "[B]", "[olist=", "</",
    "\x01", "\ufdd0", "\uffff",
]  # fmt: skip
KNOWN = re.compile(
    r"\[/?(?:" + "|".join(map(re.escape, STEAM_TAGS)) + r")\]|</?(?:" + "|".join(HTML_TAGS) + r")[\s/>]", re.I | re.A
)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_known_tag_is_left(source: str) -> None:
    """Any combination of tags leaves none outside code and raises nothing."""
    text = plain_text(re.sub(r"(?i)\[/?(?:code|noparse)[^\]]*\]", "", source)).text
    left = {one for one in KNOWN.findall(text) if one.islower() or one.strip("[]").lower() not in WORDS}
    assert not left
    assert text == text.strip() and "\n\n\n" not in text


@given(st.text())
def test_any_text_is_read(source: str) -> None:
    """Nothing raises, and every address is a web address."""
    found = plain_text(source)
    assert all(web_address(one) == one for one in (*found.links, *found.images))


@pytest.mark.parametrize(
    "piece",
    rest_nightly([
        "<", "[", "[b]", "<div>", "<b><i>", "[img]", "&amp;", "<!--", "\\[", "[list][*]", "<a b='",
        "[code]", "[/code]", "[code][/code]", "[url=", '[url="[', '[url="" "', "<div></p>", "<b></i>", "[quote][/list]",
        "[table][tr][td]", "[*][/b]", "{STEAM_A}/", "https://x.y/", "((", "[img]a/", "[dynamiclink href=a.b]", "</",
        "<table><tr><td>", "[olist][*]1", "[p a=b", "&#65;", "<svg>", "[B]", "[i\n",
    ], kept=12),
)  # fmt: skip
def test_hostile_texts_take_bounded_time(piece: str) -> None:
    """A maximum-length text of opening tags takes at most seconds and does not crash."""
    began = process_time()
    plain_text(piece * (LONGEST // len(piece)))
    assert in_time(process_time() - began, 20)


def test_deep_nesting_takes_linear_time() -> None:
    """There is neither recursion nor a scan of all open tags: eight times the depth does not take 64 times as long."""

    def seconds(levels: int) -> float:
        source = "[quote][list][*]" * levels + "x"
        began = process_time()
        assert plain_text(source).text == "• x"
        return process_time() - began

    # On a shared core, the best of several runs shows how long the work takes.
    gc.disable()
    try:
        eighth, whole = (min(seconds(levels) for _ in range(5)) for levels in (1_250, 10_000))
    finally:
        gc.enable()
    assert whole < 24 * max(eighth, 0.02)
    assert plain_text("<div><ol><li>" * 10_000 + "x" + "</li></ol></div>" * 3_000).text == "1. x"


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    """Nothing is dropped silently."""
    assert plain_text("x" * (LONGEST + 1)) == type(plain_text(""))("x" * LONGEST, cut=True)
    assert not plain_text("x" * LONGEST).cut


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="[]<>&\\")))
def test_text_without_any_markup_stays_as_it_is(text: str) -> None:
    """Every character that is not markup is unchanged."""
    assert plain_text(text).text == text


@pytest.fixture(scope="module")
def cases(recorded: Path) -> Path:
    """Reported cases; they are stored beside the recorded responses."""
    folder = recorded.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


@pytest.mark.parametrize("case", ["05-news-url-entity", "12-news-list-paragraph", "15-news-tags-unknown"])
def test_case(cases: Path, case: str) -> None:
    """A reported text gives the expected result."""
    folder = cases / case
    assert plain_text((folder / "contents.txt").read_text()).text == (folder / "expected.txt").read_text().rstrip("\n")


def test_posts_of_2026_read_as_on_steams_page(cases: Path) -> None:
    """Bullets keep their text, rows their cells, numbered items their number, and headings their link."""
    posts = {item["title"]: plain_text(item["contents"]) for item in contents_below(cases / "31-news-2026")}
    text = "\n".join(post.text for post in posts.values())
    assert not re.search(r"^(?:•|\d+\.)$", text, re.M)
    assert "\nAdvantage Points | 10 | 6 | 5 | 4 | 3 | 2 | 1 | 1\n" in text
    assert "\n1. one\n2. two" in text
    assert "Watch Party Creators\n\nhttps://www.twitch.tv/badboyy2k\n\nhttps://www.twitch.tv/corky" in text
    assert "https://www.youtube.com/user/dota2" in posts["The International 2026 Grand Champions"].links


def contents_below(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(folder.rglob("*.json")):
        body = json.loads(path.read_bytes())
        yield from body.get("appnews", {}).get("newsitems", []) if isinstance(body, dict) else []


def test_recorded_news_have_no_markup_left(recorded: Path, cases: Path) -> None:
    """No real response leaves a tag, placeholder or lone bullet, and each link's web address is in a column."""
    posts = [*contents_below(recorded / "news"), *contents_below(cases / "files")]
    assert len(posts) > 100
    for post in posts:
        found = plain_text(post["contents"])
        assert not KNOWN.search(found.text) and "{STEAM" not in found.text
        assert not re.search(r"^•$", found.text, re.M)
        targets = re.findall(r'<a href="(https?://[^"]+)"[^>]*>|\[url="?(https?://[^"\]]+)"?\]', post["contents"])
        assert {web_address(one or other) for one, other in targets} <= {*found.links}


def test_the_markup_page_lists_the_tags_in_the_code() -> None:
    """Each kind of tag is a row of docs/reference/markup.md with its names, including names that are also words."""
    page = (REPOSITORY / "docs/reference/markup.md").read_text()
    table = re.search(r"<!-- tags -->\n(.*)<!-- /tags -->", page, re.S)
    rows = [
        (becomes, _listed(STEAM_NAMES.get(kind)), _listed(HTML_NAMES.get(kind))) for kind, becomes in BECOMES.items()
    ]
    lines = ["| Conversion | BBCode | HTML |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    assert table is not None and table[1].splitlines() == lines
    assert f"These names are {_listed(WORD_NAMES)}." in page


def _listed(names: str | None) -> str:
    return " ".join(f"`{name}`" for name in (names or "").split())


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
    """An address is one that a browser would open as a web page; others are dropped."""
    assert web_address(url) == address

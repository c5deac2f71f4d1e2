"""News markup to plain text: BBCode (both of Steam's forms) and HTML out, every alphabet, emoji and line break kept.

Belongs here: text and addresses as people read them, and their Arrow-batch form for Spark.
Does not belong here: making text safe to show (visuals/ escapes what it shows; plain text may still hold `<`).

HTML is read by nh3, an HTML5 parser, which drops scripts and styles with their contents and leaves well-formed text;
the few block tags it is told to keep become line breaks. Time is linear in the text, but for deep nesting of blocks,
which LONGEST bounds to seconds.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import nh3
import pyarrow as pa

LONGEST = 200_000
"""Characters of a news text that are read; the longest real one seen has some ten thousand."""

BLOCKS = (
    "address|article|aside|blockquote|br|caption|center|dd|div|dl|dt|figcaption|figure|footer|h1|h2|h3|h4|h5|h6|header|"
    "hr|li|main|nav|ol|p|pre|section|table|td|th|tr|ul"
)
WITH_CONTENT = "script|style|iframe|object|noscript|template|svg|math"
INLINE = (
    "a|abbr|acronym|audio|b|base|big|body|button|cite|code|del|details|em|embed|font|form|head|html|i|img|input|ins|kbd|"
    "label|link|mark|meta|option|param|picture|q|s|samp|select|small|source|span|strike|strong|sub|summary|sup|tbody|"
    "textarea|tfoot|thead|time|title|tt|u|var|video"
)

NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
NO_TAG = re.compile(rf"<(?!/?(?:{BLOCKS}|{WITH_CONTENT}|{INLINE})(?=[\s/>])|!--)", re.I)
LEFT_BY_NH3 = set(BLOCKS.split("|"))
DROPPED_BY_NH3 = set(WITH_CONTENT.split("|"))
BLOCK_TAG = re.compile(r"<(/?)(\w+)>")

MEDIA = re.compile(r"\[(img|previewyoutube|video)\b[^\[\]]*\][^\[\]]*\[/\1\]", re.I)
BBCODE = re.compile(
    r"(?<!\\)\[(/?)(h[1-6]|p|list|olist|\*|hr|table|tr|th|td|quote|code|noparse|carousel|expand|section|"
    r"b|i|u|s|strike|spoiler|url|img|previewyoutube|video|dynamiclink|color|size|center|left|right|c)"
    r"((?:[= ])[^\[\]]*)?\]",
    re.I,
)
LINES = re.compile(r"h[1-6]|p|list|olist|hr|table|tr|quote|code|carousel|expand|section")
ESCAPED = re.compile(r"\\([\[\]])")
SPACES = re.compile(r"[^\S\n]+")
LINE_EDGES = re.compile(r" ?\n ?")
GAPS = re.compile(r"\n{3,}")
URL_SAFE = "%/:?#[]@!$&'()*+,;=~"

CUT = f"text cut after {LONGEST} characters"
NO_WEB_ADDRESS = "url left out: it is no http or https address"


@dataclass(frozen=True)
class PlainText:
    """Text without markup; ``cut`` if it was longer than LONGEST."""

    text: str
    cut: bool


def plain_text(source: str) -> PlainText:
    """The text of a news item as it reads: no tags, entities resolved, blocks on own lines, bullets in lists."""
    cut = len(source) > LONGEST
    text = NO_CHARACTER.sub("\ufffd", source[:LONGEST]).replace("\r\n", "\n").replace("\r", "\n")
    text = _without_html(_without_bbcode(text))
    text = SPACES.sub(" ", ESCAPED.sub(r"\1", text))
    return PlainText(GAPS.sub("\n\n", LINE_EDGES.sub("\n", text)).strip(), cut)


def _without_bbcode(text: str) -> str:
    return BBCODE.sub(_tag_as_text, MEDIA.sub("", text))


def _tag_as_text(tag: re.Match[str]) -> str:
    closing, name = tag[1], tag[2].lower()
    if name == "*":
        return "" if closing else "\n• "
    if name in ("td", "th"):
        return " "
    return "\n" if LINES.fullmatch(name) else ""


def _without_html(text: str) -> str:
    if "<" not in text:
        return html.unescape(text)
    marked = NO_TAG.sub("&lt;", text).replace("\n", "<br>")
    clean = nh3.clean(marked, tags=LEFT_BY_NH3, clean_content_tags=DROPPED_BY_NH3, attributes={}, link_rel=None)
    return html.unescape(BLOCK_TAG.sub(_block_as_text, clean.replace("\n", " ")))


def _block_as_text(tag: re.Match[str]) -> str:
    if tag[2] == "li":
        return "" if tag[1] else "\n• "
    return " " if tag[2] in ("td", "th") else "\n"


def web_address(url: str) -> str | None:
    """``url`` with everything encoded that may not stand in one; None if it is no http(s) address."""
    text = quote(NO_CHARACTER.sub("\ufffd", url.strip()), safe=URL_SAFE)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def plain_texts(contents: pa.Array) -> pa.Array:
    """An Arrow batch of ``plain_text``: struct<text: string, cut: bool>, null for null."""
    found = [None if source is None else plain_text(source) for source in contents.to_pylist()]
    return pa.array(
        [None if one is None else {"text": one.text, "cut": one.cut} for one in found],
        pa.struct([("text", pa.string()), ("cut", pa.bool_())]),
    )


def web_addresses(urls: pa.Array) -> pa.Array:
    """An Arrow batch of ``web_address``."""
    return pa.array([None if url is None else web_address(url) for url in urls.to_pylist()], pa.string())

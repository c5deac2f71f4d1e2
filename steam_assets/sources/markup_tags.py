"""How each tag of Steam's BBCode and of HTML is converted in the text of a news post.

Belongs here: tag names and their kinds; docs/reference/markup.md documents them. Does not belong here: parsing tags
(markup_tree.py), writing text (markup.py).

Steam's names are those of its own renderer, of the 2025 editor and of older posts. A name in neither table is treated
as text.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The kind of a tag; the value names the element in the tree."""

    STYLE = "style"
    PARAGRAPH = "paragraph"
    LINE = "line"
    BREAK = "break"
    RULE = "rule"
    LIST = "list"
    NUMBERED = "numbered"
    ITEM = "item"
    TABLE = "table"
    ROW = "row"
    CELL = "cell"
    LINK = "link"
    CARD = "card"
    IMAGE = "image"
    VIDEO = "video"
    CODE = "code"
    LITERAL = "literal"
    GONE = "gone"


BECOMES = {
    Kind.STYLE: "the tag is removed, its text is kept",
    Kind.PARAGRAPH: "a separate paragraph, with an empty line before and after (a line in a list, a space in a table)",
    Kind.LINE: "a separate line",
    Kind.BREAK: "a line break",
    Kind.RULE: "an empty line",
    Kind.LIST: "a list, whose items start with `• `, at every level",
    Kind.NUMBERED: "a list, whose items start with `1. `, `2. ` …, counted from its `start` or an item's `value`",
    Kind.ITEM: "a line of its list; an item without text is dropped",
    Kind.TABLE: "a paragraph; a row without text is dropped",
    Kind.ROW: "a line; its cells are separated by a vertical bar with spaces",
    Kind.CELL: "a part of its row's line, even if empty; line breaks in it become spaces",
    Kind.LINK: "its text is kept; its target is added to `links`",
    Kind.CARD: "a line with its text, or with its target if it has none; its target is added to `links`",
    Kind.IMAGE: "removed with its content; its address is added to `images`",
    Kind.VIDEO: "replaced by a line break, with its content; its address, if it has one, is added to `links`, "
    "its poster to `images`",
    Kind.CODE: "separate lines, unchanged: tags in it are text",
    Kind.LITERAL: "the tag is removed; tags in it are text",
    Kind.GONE: "removed with its content",
}

STEAM_NAMES = {
    Kind.STYLE: "b i u s strike spoiler color bgcolor size font smalltext c center left right justify sub sup "
    "subscript superscript mention speaker doclink giveawayeligible packagepurchaseable",
    Kind.PARAGRAPH: "p h1 h2 h3 h4 h5 h6 quote pullquote expand section carousel",
    Kind.RULE: "hr",
    Kind.LIST: "list ul",
    Kind.NUMBERED: "olist ol",
    Kind.ITEM: "* li",
    Kind.TABLE: "table",
    Kind.ROW: "tr",
    Kind.CELL: "td th",
    Kind.LINK: "url",
    Kind.CARD: "dynamiclink",
    Kind.IMAGE: "img",
    Kind.VIDEO: "youtube previewyoutube youtubeorvideo video vod trailer looping_media roomeffect previewimg",
    Kind.CODE: "code",
    Kind.LITERAL: "noparse",
    Kind.GONE: "emoticon sticker docimg previewicon price pricesavings actiondialog calendarevent claimitem "
    "meetsteamscheduleview meetsteamsessiongroup remindme uploadfilebutton userpolls",
}

HTML_NAMES = {
    Kind.STYLE: "abbr acronym audio b base bdi bdo big body button cite code data del details dfn em embed fieldset "
    "font form head html i input ins kbd label legend link mark meta nobr option param picture q rp rt ruby s samp "
    "select small source span strike strong sub sup tbody textarea tfoot thead time title track tt u var video wbr xmp",
    Kind.PARAGRAPH: "blockquote center dl figure h1 h2 h3 h4 h5 h6 p pre",
    Kind.LINE: "address article aside caption dd div dt figcaption footer header main nav section summary",
    Kind.BREAK: "br",
    Kind.RULE: "hr",
    Kind.LIST: "ul menu",
    Kind.NUMBERED: "ol",
    Kind.ITEM: "li",
    Kind.TABLE: "table",
    Kind.ROW: "tr",
    Kind.CELL: "td th",
    Kind.LINK: "a",
    Kind.IMAGE: "img",
    Kind.VIDEO: "iframe",
    Kind.GONE: "math noframes noscript object script style svg template",
}


def _by_name(names: dict[Kind, str]) -> dict[str, Kind]:
    return {name: kind for kind, listed in names.items() for name in listed.split()}


STEAM_TAGS = _by_name(STEAM_NAMES)
HTML_TAGS = _by_name(HTML_NAMES)

WORD_NAMES = (
    "b i u s c p code color center expand left list mention price quote right section size speaker spoiler sticker "
    "strike table trailer video vod"
)
WORDS = frozenset(WORD_NAMES.split())
"""Steam's tag names that people also write in brackets, such as `[VIDEO]` or `Press [B]`: capitalized, without
arguments and without a later closing tag, such a name is text."""

"""Convert news markup to plain text: the text of a post, the targets of its links and the URLs of its images.

Belongs here: the traversal of a post's tree, URLs, and Arrow versions of both for Spark. Does not belong here: parsing
markup (markup_tree.py), the meaning of tags (markup_tags.py), making text safe to show (visuals/ escapes what it shows;
plain text may still contain `<`).

All alphabets, emoji and line breaks are kept; runs of spaces and runs of empty lines are collapsed into one. An entity
is decoded once, and only if a semicolon ends it, because URLs are full of `&region=…`.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.entities import html5
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

import pyarrow as pa
from lxml import etree

from steam_assets.sources.markup_tags import Kind
from steam_assets.sources.markup_tree import Node, as_written, tree_of, with_no_tags, without_tags_by_chance

if TYPE_CHECKING:
    Strings: TypeAlias = pa.Array[pa.StringScalar]
    PlainTexts: TypeAlias = pa.Array[pa.Scalar[pa.StructType]]
else:
    # Spark derives the kind of a UDF from these annotations, and only Array itself works.
    Strings = PlainTexts = pa.Array

LONGEST = 200_000
"""Maximum characters read of a news text; the longest real one seen has about ten thousand."""

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
PLACEHOLDER = re.compile(
    r"\{STEAM_[A-Z_]+\}(?:(?P<file>/[^\s\[\]{}<>\"']*?\.(?:png|jpe?g|gif|webp|avif|webm|mp4)(?:\?[^\s\[\]{}<>\"']*)?)"
    r"|[^\s\[\]{}<>\"']*)"
    r"|\{STEAM[A-Z_]*\Z"
)
WRITTEN_ADDRESS = re.compile(r"https?://[^\s<>\"\[\]{}|\\^`]+", re.I)
HOST = re.compile(r"(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,63}(?::\d+)?(?:[/?#]|\Z)")
CLAN_IMAGES = {
    "{STEAM_CLAN_IMAGE}": "https://clan.akamai.steamstatic.com/images",
    "{STEAM_CLAN_LOC_IMAGE}": "https://clan.akamai.steamstatic.com/images",
}
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
URL_SAFE = "%/:?#[]@!$&'()*+,;=~"

CUT = f"text cut after {LONGEST} characters"
NO_WEB_ADDRESS = "url left out: it is not an http or https address"

BLOCKS = frozenset({Kind.PARAGRAPH, Kind.TABLE, Kind.LIST, Kind.NUMBERED, Kind.RULE})
LISTS = frozenset({Kind.LIST, Kind.NUMBERED})
LINES = frozenset({Kind.LINE, Kind.ITEM, Kind.CARD, Kind.VIDEO, Kind.CODE})


@dataclass(frozen=True)
class PlainText:
    """Text without markup; ``cut`` if it was longer than LONGEST. URLs are absolute, in order, without duplicates."""

    text: str
    cut: bool
    links: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def plain_text(source: str) -> PlainText:
    """A news item as plain text: no tags, entities decoded, blocks on separate lines, list bullets or numbers."""
    page = _Page()
    for event, element in etree.iterwalk(tree_of(source[:LONGEST]), events=("start", "end")):
        kind = Kind(element.tag)
        page.start(kind, element) if event == "start" else page.end(kind, element)
    text = as_written(without_tags_by_chance("".join(page.written)))
    return PlainText(text, len(source) > LONGEST, tuple(page.links), tuple(page.images))


def _decoded(text: str) -> str:
    return ENTITY.sub(_character, text)


def _character(entity: re.Match[str]) -> str:
    return with_no_tags(html.unescape(entity[0]) if entity[0][1] == "#" else html5.get(entity[0][1:], entity[0]))


@dataclass
class _List:
    """The position in a list; ``number`` is None in a bulleted list."""

    number: int | None = None
    items: int = 0


@dataclass
class _Page:
    """The text so far, and the pending whitespace before the next word."""

    written: list[str] = field(default_factory=list)
    links: dict[str, None] = field(default_factory=dict)
    images: dict[str, None] = field(default_factory=dict)
    breaks: int = 0
    space: bool = False
    bullet: str = ""
    breaks_before_bullet: int = 0
    lists: list[_List] = field(default_factory=lambda: [_List()])
    rows: list[int] = field(default_factory=lambda: [0])
    bars: int = 0
    row_began: int = 0
    depth_of: dict[str, int] = field(default_factory=lambda: dict.fromkeys((Kind.ITEM, Kind.CELL, Kind.LINK), 0))

    def start(self, kind: Kind, element: Node) -> None:
        self._block(kind)
        if kind in self.depth_of:
            self.depth_of[kind] += 1
        if kind in BEGIN:
            BEGIN[kind](self, kind, element)
        text = _decoded(element.text or "")
        if kind is Kind.CODE:
            self._code(text)
        else:
            self._text(text, literal=kind is Kind.LITERAL)

    def end(self, kind: Kind, element: Node) -> None:
        if kind in self.depth_of:
            self.depth_of[kind] -= 1
        if kind in LISTS:
            self.lists.pop()
        elif kind is Kind.ITEM and self.bullet:
            self.bullet, self.breaks = "", self.breaks_before_bullet
        elif kind in (Kind.TABLE, Kind.ROW):
            self._end_row()
        self._block(kind)
        self._text(_decoded(element.tail or ""))

    def addresses(self, kind: Kind, element: Node) -> None:
        """Keep the URLs of an element; a card without text shows its own."""
        text = element.text or ""
        meant = element.get("target") or element.get("address") or (text if kind is Kind.LINK else "")
        address = absolute(_decoded(meant), a_page=kind in (Kind.LINK, Kind.CARD))
        if address:
            (self.images if kind is Kind.IMAGE else self.links).setdefault(address)
        if address and kind is Kind.CARD and not text:
            self._write(address)
        if poster := absolute(_decoded(element.get("poster") or "")):
            self.images.setdefault(poster)

    def _block(self, kind: Kind) -> None:
        if kind in BLOCKS:
            self._owe(2)
        elif kind in LINES:
            self._owe(1)

    def _owe(self, breaks: int) -> None:
        self.space = True
        if not self.depth_of[Kind.CELL]:
            self.breaks = max(self.breaks, min(breaks, self._most_breaks()))

    def line_break(self, *_: object) -> None:
        self.space = True
        if not self.depth_of[Kind.CELL]:
            self.breaks = min(self.breaks + 1, self._most_breaks())

    def _most_breaks(self) -> int:
        return 1 if self.depth_of[Kind.ITEM] else 2

    def open_list(self, kind: Kind, element: Node) -> None:
        self.lists.append(_List(_number(element.get("start"), 1) if kind is Kind.NUMBERED else None))

    def item(self, _: Kind, element: Node) -> None:
        of = self.lists[-1]
        if not self.bullet:
            self.breaks_before_bullet = self.breaks
            if not self.depth_of[Kind.CELL]:
                self.breaks_before_bullet = 1 if of.items else max(self.breaks, 1)
        self.space = True
        of.items += 1
        self.bullet = "• "
        if of.number is not None:
            of.number = _number(element.get("value"), of.number)
            self.bullet = f"{of.number}. "
            of.number += 1

    def row(self, kind: Kind, _: Node) -> None:
        self.rows.append(0)
        if kind is Kind.ROW:
            self._owe(1)
        if not self.depth_of[Kind.CELL]:
            self.row_began = len(self.written)

    def cell(self, *_: object) -> None:
        self.space = True
        self.bars += self.rows[-1] > 0
        self.rows[-1] += 1

    def _end_row(self) -> None:
        self.rows.pop()
        if self.depth_of[Kind.CELL]:
            return
        if self.bars and len(self.written) > self.row_began:
            self.written.append(" |" * self.bars)
        self.bars = 0
        self._owe(1)

    def _text(self, text: str, *, literal: bool = False) -> None:
        between_cells = len(self.rows) > 1 and not self.depth_of[Kind.CELL]
        if not text or (between_cells and text.isspace()):
            return
        if not literal:
            text = PLACEHOLDER.sub(self._placeholder, text)
            if not self.depth_of[Kind.LINK]:
                self.links |= dict.fromkeys(filter(None, map(_written_address, WRITTEN_ADDRESS.findall(text))))
        for number, line in enumerate(text.split("\n")):
            if number:
                self.line_break()
            words = line.split()
            self.space |= line[:1].isspace()
            if words:
                self._write(" ".join(words))
                self.space = line[-1:].isspace()

    def _placeholder(self, found: re.Match[str]) -> str:
        # Without a file extension it is the rest of a truncated one.
        if found["file"] and (address := absolute(found[0])):
            self.images.setdefault(address)
        return ""

    def _code(self, text: str) -> None:
        lines = text.strip("\n").rstrip()
        if self.depth_of[Kind.CELL]:
            self._text(lines, literal=True)
        elif lines:
            self._write(lines)
        self._owe(1)

    def _write(self, text: str) -> None:
        """Write words or lines, preceded by what is pending: a break or space, the bars of empty cells, a bullet."""
        breaks = self.breaks_before_bullet if self.bullet else self.breaks
        owed = "\n" * breaks or (" " if self.space or self.bars else "")
        bars = "| " * self.bars
        self.written.append((owed if self.written else "") + bars + self.bullet + text)
        self.breaks, self.space, self.bars, self.bullet = 0, False, 0, ""


BEGIN = {
    Kind.LIST: _Page.open_list,
    Kind.NUMBERED: _Page.open_list,
    Kind.ITEM: _Page.item,
    Kind.TABLE: _Page.row,
    Kind.ROW: _Page.row,
    Kind.CELL: _Page.cell,
    Kind.BREAK: _Page.line_break,
    Kind.LINK: _Page.addresses,
    Kind.CARD: _Page.addresses,
    Kind.IMAGE: _Page.addresses,
    Kind.VIDEO: _Page.addresses,
}
"""What to do at the start of an element, before its text."""


def _number(written: str | None, default: int) -> int:
    return int(written) if written and re.fullmatch(r"[0-9]{1,9}", written) else default


def _written_address(found: str) -> str | None:
    """A URL found in the text, without the punctuation that ends the sentence around it."""
    address = found.rstrip(".,;:!?'\"…")
    while address.endswith(")") and address.count("(") < address.count(")"):
        address = address[:-1].rstrip(".,;:!?'\"…")
    return web_address(as_written(address))


def absolute(address: str, *, a_page: bool = False) -> str | None:
    """The absolute http(s) URL, with placeholders filled in; None if there is none.

    The URL of a page may also be written without a scheme, as in `store.steampowered.com/app/730`.
    """
    address = as_written(address).strip().strip("\"'")
    for placeholder, place in CLAN_IMAGES.items():
        if address.startswith(f"{placeholder}/"):
            address = place + address.removeprefix(placeholder)
    if address.startswith("//"):
        address = f"https:{address}"
    elif a_page and HOST.match(address):
        address = f"https://{address}"
    return web_address(address)


def web_address(url: str) -> str | None:
    """``url`` with all invalid characters percent-encoded; None if it is not an http(s) URL."""
    text = quote(NO_CHARACTER.sub("\ufffd", url.strip()), safe=URL_SAFE)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def plain_texts(contents: Strings) -> PlainTexts:
    """An Arrow batch of ``plain_text``: struct<text, cut, links: list<string>, images: list<string>>, null for null."""
    found = [None if source is None else plain_text(source) for source in contents.to_pylist()]
    addresses = pa.list_(pa.string())
    return pa.array(
        [None if one is None else vars(one) for one in found],
        pa.struct([("text", pa.string()), ("cut", pa.bool_()), ("links", addresses), ("images", addresses)]),
    )


def web_addresses(urls: Strings) -> Strings:
    """An Arrow batch of ``web_address``."""
    return pa.array([None if url is None else web_address(url) for url in urls.to_pylist()], pa.string())

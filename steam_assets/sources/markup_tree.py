"""Parse news markup into a tree: BBCode with our own tokenizer, HTML with lxml, both into the same elements.

Belongs here: where tags begin and end, what closes what. Does not belong here: the list of tags (markup_tags.py),
their rendering (markup.py).

A tree's elements are named by their Kind. Invalid markup always yields a tree: unclosed elements end with the text,
closing tags without an opening one are dropped, and a tag truncated by the end of the text is dropped. Time is linear
in the text (except for the HTML parser, which LONGEST in markup.py limits to seconds).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TypeAlias

from lxml import etree

from steam_assets.sources.markup_tags import HTML_TAGS, STEAM_TAGS, WORDS, Kind

Node: TypeAlias = etree._Element  # pyright: ignore[reportPrivateUsage] - lxml gives the class no public name

MARK = "\ufdd0"
"""A Unicode private-use character: the next character identifies the character or literal text that it replaces."""
KEPT = {"a": MARK, "b": "\ufffe", "c": "\uffff", "f": "[", "h": "<"}
"""By the letter that encodes them after MARK: MARK itself, characters invalid in XML, brackets that are not tags."""
NOT_IN_XML = str.maketrans({KEPT[letter]: MARK + letter for letter in "abc"})
NO_TAGS = str.maketrans({KEPT[letter]: MARK + letter for letter in "fh"})
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
UNSEEN = re.compile("[\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
OTHER_SPACE = re.compile("[\x0b\x0c\x1c-\x1f]")

LONGEST_TAG = 4096


def _any_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, reverse=True))


STEAM_NAME = _any_of(STEAM_TAGS)
ARGUMENTS = (
    rf'(?:\s*=|\s+[\w-]{{1,40}}\s*=)(?:(?:"[^"\n]{{0,2048}}"|[^\[\]"]){{0,{LONGEST_TAG}}}+|[^\[\]]{{0,{LONGEST_TAG}}}+)'
)
STEAM_TAG = (
    rf"\[(?:/(?P<closed>{STEAM_NAME})\s{{0,9}}|(?P<opened>{STEAM_NAME})(?P<arguments>{ARGUMENTS})?\s{{0,9}}/?)\]"
)
TAG = re.compile(rf"(?<!\\){STEAM_TAG}|{MARK}(?P<literal>[de])(?P<number>\d+);", re.I | re.A)
LITERAL = re.compile(r"(?<!\\)\[(/?)(code|noparse)(?:=[^\[\]]{0,99})?\s{0,9}\]", re.I | re.A)
ARGUMENT = re.compile(r"""(?<![\w-])([\w-]{0,40})\s{0,9}=\s{0,9}(?:"([^"]*)"|(\S*))""")
ESCAPED = re.compile(r"\\([\[\]])")
CUT_TAG = re.compile(
    rf'\[/?(?:(?P<begun>[a-z0-9_]*)|(?:{STEAM_NAME})(?:\s*(?:\s[\w-]{{1,40}})?\s*=\s*(?:"[^"\n]*+"?|[^\s"\[\]]*))*+\s*[\w-]*)',
    re.I | re.A,
)
UNCLOSED_CONTENT = re.compile(r"[^\S\n]?[^\s\[\]/{]*[/{][^\s\[\]]*|[^\s\[\]]*\Z")
FILE = re.compile(r"\.[A-Za-z0-9]{3,4}\Z")
VIDEO_ID = re.compile(r"[\w-]{11}", re.A)

HTML_NAME = _any_of(HTML_TAGS)
HTML_TAG = re.compile(
    rf"<(?:(?P<kept>!--|!doctype\b|\?xml\b)|/(?P<closed>{HTML_NAME})\s{{0,9}}>|(?P<name>/?(?:{HTML_NAME}))(?=[\s/>]|\Z))?",
    re.I | re.A,
)
BY_CHANCE = re.compile(rf"{STEAM_TAG}|<(?:!--|/?(?:{HTML_NAME})(?=[\s/>]))", re.I | re.A)
CUT_HTML = re.compile(r"<(/?)([a-z0-9]*)\Z", re.I | re.A)

LEAVES = frozenset({Kind.IMAGE, Kind.VIDEO, Kind.CARD, Kind.GONE})
VOID = frozenset({Kind.IMAGE, Kind.BREAK, Kind.RULE})
WITH_CONTENT = frozenset({Kind.VIDEO, Kind.GONE})
STRUCTURE = frozenset({Kind.LIST, Kind.ITEM, Kind.TABLE, Kind.ROW, Kind.CELL})
CLOSED_BEFORE = {Kind.ITEM: (Kind.ITEM,), Kind.CELL: (Kind.CELL,), Kind.ROW: (Kind.CELL, Kind.ROW)}
ADDRESS = {Kind.IMAGE: ("src", ""), Kind.VIDEO: ("mp4", "webm", "src", ""), Kind.CARD: ("href", "")}


def tree_of(source: str) -> Node:
    """Parse a post. Texts and attributes keep entities as written, and have MARK in place of some characters."""
    builder = TreeBuilder()
    text, literals = _without_literals(_tree_safe(source))
    builder.literals = literals
    text = _without_cut_tag(text)
    if any(tag["kept"] or tag["closed"] or tag["name"] for tag in HTML_TAG.finditer(text)):
        _feed_html(text, builder)
    else:
        builder.feed(text)
    return builder.finished()


def as_written(text: str) -> str:
    """Replace the MARKs in a text of the tree with their characters."""
    for letter, character in reversed(KEPT.items()):
        text = text.replace(MARK + letter, character)
    return text


def without_tags_by_chance(text: str) -> str:
    """Insert a space into what looks like a tag only because another tag between its parts was removed."""

    def apart(tag: re.Match[str]) -> str:
        return tag[0] if _is_word(tag, {}) else f"{tag[0][0]} {tag[0][1:]}"

    return BY_CHANCE.sub(apart, text)


def with_no_tags(text: str) -> str:
    """Escape all brackets as text, for the tree."""
    return text.translate(NO_TAGS)


def _tree_safe(source: str) -> str:
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    text = OTHER_SPACE.sub(" ", UNSEEN.sub("", NO_CHARACTER.sub("\ufffd", text)))
    return text.translate(NOT_IN_XML)


def _without_literals(text: str) -> tuple[str, list[str]]:
    """The text with a mark in place of each closed [code] and [noparse], and their contents."""
    tags = [*LITERAL.finditer(text)]
    last = {tag[2].lower(): tag.start() for tag in tags if tag[1]}
    pieces, literals, at, opened = list[str](), list[str](), 0, None
    for tag in tags:
        name = tag[2].lower()
        if opened is None and not tag[1] and last.get(name, -1) > tag.start():
            opened = tag
        elif opened is not None and tag[1] and name == opened[2].lower():
            pieces += [text[at : opened.start()], MARK, "d" if name == "code" else "e", f"{len(literals)};"]
            literals.append(with_no_tags(text[opened.end() : tag.start()]))
            at, opened = tag.end(), None
    return "".join([*pieces, text[at:]]), literals


def _without_cut_tag(text: str) -> str:
    start = text.rfind("[")
    if start < 0 or text[start - 1 : start] == "\\" or len(text) - start > LONGEST_TAG:
        return text
    cut = CUT_TAG.fullmatch(text, start)
    begun = cut and cut["begun"]
    known = cut and (begun is None or any(name.startswith(begun) for name in STEAM_TAGS))
    return text[:start] if known else text


class TreeBuilder:
    """Opens and closes elements in source order, for tags of either language."""

    def __init__(self) -> None:
        self.literals: list[str] = []
        self._root = etree.Element(Kind.PARAGRAPH)
        self._pieces: list[str] = []
        self._open: list[tuple[str, Node]] = [("", self._root)]
        self._last: Node | None = None
        self._structure: list[str] = []
        self._everywhere = Counter[str]()
        self._within = [Counter[str]()]

    def finished(self) -> Node:
        self._flush()
        return self._root

    def text(self, text: str) -> None:
        self._pieces.append(text)

    def leaf(self, kind: Kind, content: str = "", **attributes: str) -> None:
        """An element without children."""
        self._flush()
        leaf = etree.SubElement(self._open[-1][1], kind, attributes)
        leaf.text, self._last = content, leaf

    def start(self, kind: Kind, name: str, arguments: dict[str, str]) -> None:
        """Open an element that ``end`` closes; an item, a cell or a row closes the one before it."""
        if kind in (Kind.ROW, Kind.CELL) and not self._everywhere[Kind.TABLE]:
            self.text("\n" if kind is Kind.ROW else " ")
            return
        for before in CLOSED_BEFORE.get(kind, ()):
            if self._structure and self._structure[-1] == before:
                self._close(before)
        self._flush()
        attributes = {key: arguments[key] for key in ("start", "value") if key in arguments}
        if kind is Kind.LINK:
            attributes["target"] = arguments.get("href") or arguments.get("", "")
        self._last = None
        key = _key(kind, name)
        self._open.append((key, etree.SubElement(self._open[-1][1], kind, attributes)))
        self._everywhere[key] += 1
        self._within[-1][key] += 1
        if key in STRUCTURE:
            self._structure.append(key)
            self._within.append(Counter())

    def end(self, kind: Kind, name: str) -> None:
        """Close the nearest such element and everything inside it; do nothing if none is open here."""
        key = _key(kind, name)
        if self._everywhere[key] if key in STRUCTURE else self._within[-1][key]:
            self._close(key)

    def _close(self, key: str) -> None:
        self._flush()
        closed = ""
        while closed != key:
            closed, self._last = self._open.pop()
            self._everywhere[closed] -= 1
            if closed in STRUCTURE:
                self._structure.pop()
                self._within.pop()
            self._within[-1][closed] -= 1

    def _flush(self) -> None:
        text, self._pieces = "".join(self._pieces), []
        if not text:
            return
        if self._last is not None:
            self._last.tail = (self._last.tail or "") + text
        else:
            parent = self._open[-1][1]
            parent.text = (parent.text or "") + text

    def feed(self, text: str) -> None:
        """Parse text with BBCode."""
        tags = [*TAG.finditer(text)]
        last = {tag["closed"].lower(): tag.start() for tag in tags if tag["closed"]}
        at = 0
        for tag, after in pairwise([*tags, None]):
            if tag is None or tag.start() < at or _is_word(tag, last):
                continue
            self.text(ESCAPED.sub(_unescaped, text[at : tag.start()]))
            at = self._steam_tag(text, tag, after)
        self.text(ESCAPED.sub(_unescaped, text[at:]))

    def _steam_tag(self, text: str, tag: re.Match[str], after: re.Match[str] | None) -> int:
        """The position after the tag, or after its content if that is dropped too."""
        if tag["literal"]:
            self.leaf(Kind.CODE if tag["literal"] == "d" else Kind.LITERAL, self.literals[int(tag["number"])])
            return tag.end()
        name = (tag["opened"] or tag["closed"]).lower()
        arguments = _arguments(tag)
        # An older way to write a numbered list.
        kind = Kind.NUMBERED if name == "list" and arguments.get("") == "1" else STEAM_TAGS[name]
        if kind in LEAVES:
            return self._steam_leaf(kind, text, tag, after) if tag["opened"] else tag.end()
        if kind is Kind.RULE and tag["opened"]:
            self.leaf(kind)
        elif kind not in (Kind.STYLE, Kind.RULE, Kind.CODE, Kind.LITERAL):
            if tag["opened"]:
                self.start(kind, name, arguments)
            else:
                self.end(kind, name)
        return tag.end()

    def _steam_leaf(self, kind: Kind, text: str, tag: re.Match[str], after: re.Match[str] | None) -> int:
        name, arguments = tag["opened"].lower(), _arguments(tag)
        address = next((arguments[key] for key in ADDRESS.get(kind, ()) if arguments.get(key)), "")
        content, end = "", tag.end()
        if after and after["closed"] and after["closed"].lower() == name:
            content, end = text[tag.end() : after.start()].strip(), after.end()
        elif not address and kind in (Kind.IMAGE, Kind.VIDEO) and (cut := UNCLOSED_CONTENT.match(text, tag.end())):
            end = cut.end()
            # A URL that may be truncated by the end of the text is dropped.
            content = cut[0].strip() if end < len(text) or FILE.search(cut[0]) else ""
        address = address or content
        if "youtube" in name and VIDEO_ID.fullmatch(found := address.partition(";")[0]):
            address = f"https://www.youtube.com/watch?v={found}"
        content = content if kind is Kind.CARD else ""
        self.leaf(kind, content, address=address, poster=arguments.get("poster", ""))
        return end


def _unescaped(bracket: re.Match[str]) -> str:
    return with_no_tags(bracket[1])


def _key(kind: Kind, name: str) -> str:
    """The key that closes an element: either closing tag of a list closes either kind of list."""
    kind = Kind.LIST if kind is Kind.NUMBERED else kind
    return kind if kind in STRUCTURE else name


def _is_word(tag: re.Match[str], last: dict[str, int]) -> bool:
    name = tag["opened"]
    bare = name and not tag["arguments"] and not name.islower() and name.lower() in WORDS
    return bool(bare) and last.get(name.lower(), -1) < tag.start()


def _arguments(tag: re.Match[str]) -> dict[str, str]:
    """The arguments of a tag by name; an unnamed one has the empty name."""
    found = ARGUMENT.finditer(tag["arguments"] or "")
    return {one[1].lower(): ESCAPED.sub(r"\1", (one[2] or (one[3] or "").strip("\"'")).strip()) for one in found}


def _feed_html(text: str, builder: TreeBuilder) -> None:
    cut = CUT_HTML.search(text, max(0, len(text) - 20))
    if cut and any(name.startswith(cut[2].lower()) for name in HTML_TAGS):
        text = text[: cut.start()]
    opened = Counter[str]()

    def known(tag: re.Match[str]) -> str:
        """The tag under a name that the HTML parser treats as we do; anything else with `<` as text."""
        if tag["kept"]:
            return tag[0]
        name = (tag["closed"] or tag["name"] or "").lower()
        closing, plain = name[:1] == "/" or bool(tag["closed"]), name.lstrip("/")
        if not plain:
            return "&lt;"
        if HTML_TAGS[plain] is Kind.STYLE:
            plain = "span"
        if tag["closed"] and not opened[plain]:
            return ""
        opened[plain] += -1 if closing else 1
        return f"<{'/' if closing else ''}{plain}{'>' if tag['closed'] else ''}"

    # We decode entities ourselves: HTML accepts some without a semicolon, which breaks URLs.
    marked = HTML_TAG.sub(known, text.replace("&", "&amp;"))
    events = _HtmlEvents(builder)
    # lxml calls only the methods that exist; its stubs require all.
    parser = etree.HTMLParser(target=events, huge_tree=True)  # pyright: ignore[reportArgumentType]
    etree.fromstring(f"<div>{marked}", parser)


class _HtmlEvents:
    """Passes the HTML parser's events to the builder."""

    def __init__(self, builder: TreeBuilder) -> None:
        self._builder = builder
        self._pieces: list[str] = []
        self._gone = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        kind = HTML_TAGS.get(name, Kind.STYLE)
        if not self._gone and kind in VOID | WITH_CONTENT:
            self._builder.leaf(kind, address=attributes.get("src", ""))
        elif not self._gone and kind is not Kind.STYLE:
            self._builder.start(kind, name, dict(attributes))
        self._gone += kind in WITH_CONTENT

    def end(self, name: str) -> None:
        self._flush()
        kind = HTML_TAGS.get(name, Kind.STYLE)
        self._gone -= kind in WITH_CONTENT
        if not self._gone and kind not in VOID | WITH_CONTENT | {Kind.STYLE}:
            self._builder.end(kind, name)

    def data(self, text: str) -> None:
        self._pieces.append(text)

    def comment(self, text: str) -> None:
        """Drop comments."""

    def close(self) -> None:
        self._flush()

    def _flush(self) -> None:
        text, self._pieces = "".join(self._pieces), []
        if text and not self._gone:
            self._builder.feed(text)

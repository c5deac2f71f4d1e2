"""News of the synthetic market: patch notes, events and press articles of each app.

Belongs here: which items an app has, and their content. Does not belong here: parsing requests, HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from steam_assets.simulator.catalogue import HARDWARE, App
from steam_assets.simulator.chance import pick
from steam_assets.simulator.market import CANDIDATES, Market
from steam_assets.simulator.request_parameters import Json, NewsParameters
from steam_assets.simulator.texts import TEXTS
from steam_assets.simulator.weeks import FIRST_CHART_WEEK, WEEK, start_of, week_of

NEW_MARKUP_SINCE = 1_735_689_600
"""2025-01-01: from then on, announcements use [p]…[/p]."""

FIRST_NEWS_WEEK = FIRST_CHART_WEEK - 104
"""Two years before the first chart; no app has older news."""

PATCH, EVENT, PRESS = "patch", "event", "press"
_ANNOUNCEMENTS = ("steam_community_announcements", "Community Announcements", 1)
_TAGS = {PATCH: ["patchnotes"], EVENT: ["mod_reviewed"]}
_URL = "https://steamstore-a.akamaihd.net/news/externalpost"


@dataclass(frozen=True)
class Head:
    """An item without its text. ``subject`` is the slot of the app it was first published for, ``number`` its index."""

    date: int
    kind: str
    subject: int
    week: int
    number: int


class Newsroom:
    """The news of all apps of a market."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.heads: Callable[[int, int], tuple[Head, ...]] = lru_cache(60_000)(self._heads)
        self._count: Callable[[int, int], int] = lru_cache(8_192)(self._count_weeks)

    def answer(self, app: App, parameters: NewsParameters, now: int) -> Json:
        """The ``appnews`` object for a request: items, newest first, and the total count."""
        end = min(parameters.enddate, now + 1)
        items = [self._write(head, app) for head in islice(self._newest_first(app.slot, end), parameters.count)]
        return {"appid": app.app_id, "newsitems": items, "count": self._total(app.slot, now)}

    def _newest_first(self, slot: int, end: int) -> Iterator[Head]:
        for week in range(week_of(end - 1), self._first_week(slot) - 1, -1):
            for head in self.heads(slot, week):
                if head.date < end:
                    yield head

    def _total(self, slot: int, now: int) -> int:
        this_week = week_of(now)
        return sum(head.date <= now for head in self.heads(slot, this_week)) + self._count(slot, this_week)

    def _count_weeks(self, slot: int, until: int) -> int:
        return sum(len(self.heads(slot, week)) for week in range(self._first_week(slot), until))

    def _first_week(self, slot: int) -> int:
        return max(self._market.release_week(slot), FIRST_NEWS_WEEK)

    def _heads(self, slot: int, week: int) -> tuple[Head, ...]:
        found = [*self._own(slot, week), *self._borrowed(slot, week)]
        return tuple(sorted(found, key=lambda head: (head.date, head.kind, head.subject, head.number), reverse=True))

    def _own(self, slot: int, week: int) -> Iterator[Head]:
        start = start_of(week)
        hardware = self._market.catalogue.at(slot).kind == HARDWARE
        patched = self._market.patch_time(slot, week)
        if patched is not None and not hardware:
            yield Head(patched, PATCH, slot, week, 0)
        rolls = self._market.dice.words("news", slot, week)
        if rolls[0] % 100 < 35 and not hardware:
            yield Head(start + rolls[1] % WEEK, EVENT, slot, week, 1)
        for number in range(self._press_items(slot, rolls[2])):
            yield Head(start + rolls[3 + number] % WEEK, PRESS, slot, week, 2 + number)

    def _press_items(self, slot: int, roll: int) -> int:
        return roll % 4 if slot < 30 else roll % 3 // 2 if slot < CANDIDATES else roll % 40 // 39

    def _borrowed(self, slot: int, week: int) -> Iterator[Head]:
        # An article about two apps is published for both; the second app's item carries the first one's id.
        other = slot - 1 - self._market.dice.words("pair", slot, week)[0] % 3
        if 0 <= other < CANDIDATES:
            yield from (head for head in self._own(other, week) if head.kind == PRESS and head.number == 2)

    def _feed(self, head: Head) -> tuple[str, str, int]:
        if head.kind != PRESS:
            return _ANNOUNCEMENTS
        label, name = pick(
            tuple(TEXTS.press.items()), self._market.dice.words("press", head.subject, head.week, head.number)[0]
        )
        return name, label, 0

    def _write(self, head: Head, app: App) -> Json:
        rolls = self._market.dice.words("item", head.subject, head.week, head.number)
        subject = self._market.catalogue.at(head.subject)
        feed, label, feed_type = self._feed(head)
        gid = str(5_000_000_000_000_000_000 + rolls[0] % 10**18)
        title, contents = self._text(head, subject, rolls)
        # The URL contains the feed's display name, including spaces.
        folder = label if head.kind == PRESS else feed
        item: Json = {
            "gid": gid,
            "title": title,
            "url": f"{_URL}/{folder}/{gid}",
            "is_external_url": True,
            "author": "" if rolls[1] % 11 == 0 else pick(("mara", "Studio Team", "j.novak", "Ольга"), rolls[1] >> 8),
            "contents": contents,
            "feedlabel": label,
            "date": head.date,
            "feedname": feed,
            "feed_type": feed_type,
            "appid": subject.app_id if head.kind == PRESS else app.app_id,
        }
        if head.kind in _TAGS:
            item["tags"] = _TAGS[head.kind]
        return item

    def _text(self, head: Head, subject: App, rolls: tuple[int, ...]) -> tuple[str, str]:
        if head.kind == PRESS:
            title = pick(TEXTS.press_titles, rolls[2]).format(name=subject.name)
            return title, "" if rolls[4] % 97 == 0 else _article(subject.name, rolls[3])
        if head.kind == EVENT:
            title, lines = pick(TEXTS.event_titles, rolls[2]), ["See you there!", "All regions take part"]
        else:
            title = f"{subject.name} update {1 + head.week % 9}.{head.week % 52}.{head.number}"
            lines = [pick(TEXTS.patch_lines, rolls[2] >> shift) for shift in (0, 8, 16, 24)]
        return title, _announcement(title, list(dict.fromkeys(lines)), rolls[3], head.date)


def _announcement(title: str, lines: list[str], roll: int, date: int) -> str:
    image = f"{{STEAM_CLAN_IMAGE}}/{roll % 40_000_000}/{roll:016x}{roll:016x}.png"
    if date >= NEW_MARKUP_SINCE:
        listed = "".join(f"[*][p]{line}[/p][/*]" for line in lines)
        video = '[previewyoutube="dQw4w9WgXcQ;full"][/previewyoutube]' if roll % 5 == 0 else ""
        return f'[p]{title}[/p][img src="{image}"][/img][list]{listed}[/list]{video}[p]Thank you for playing 💙[/p]'
    listed = "\n".join(f"[*]{line}" for line in lines)
    return f"[h1]{title}[/h1]\n[img]{image}[/img]\n[list]\n{listed}\n[/list]\n[b]Thank you for playing[/b]"


def _article(name: str, roll: int) -> str:
    share = roll % 40 + 3
    return (
        f"<p>It has been a lively week for <strong>{name}</strong>: players are up by {share}&nbsp;% &amp; the "
        f'<a href="https://example.org/story?id={roll % 10**6}&amp;ref=steam">community</a> has opinions.</p>'
        f"<p>&quot;We read everything,&quot; says the studio&#8217;s team.<br/>More soon.</p>"
    )

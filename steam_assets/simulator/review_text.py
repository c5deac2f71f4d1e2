"""One synthetic review: text, votes and author, with the quirks of real ones.

Belongs here: generating a review from its address. Does not belong here: how many exist (review_stream.py).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from steam_assets.simulator.chance import Dice, pick
from steam_assets.simulator.request_parameters import Json
from steam_assets.simulator.texts import TEXTS
from steam_assets.simulator.weeks import DAY, start_of

if TYPE_CHECKING:
    from steam_assets.simulator.review_segments import Segment

_LANGUAGES = tuple(TEXTS.voices)
_SHARES = tuple(accumulate(voice.share for voice in TEXTS.voices.values()))
_FIRST_STEAMID = 76561197960265728
_UNDERFLOWN = 4294967295


def write_review(dice: Dice, segment: Segment, index: int, seen_at: int) -> Json:
    """The review as served at ``seen_at`` (Unix seconds), without edits made later."""
    rolls = dice.words("review", segment.slot, segment.week, segment.first + index)
    created = segment.created(index)
    updated = _updated(rolls[0], created, start_of(segment.week + 1))
    votes = _votes(rolls[1])
    positive = segment.positive(index)
    language = _LANGUAGES[bisect_right(_SHARES, (rolls[3] >> 40) / 2**24 * _SHARES[-1])]
    review: Json = {
        "recommendationid": str((segment.week << 44 | segment.slot << 24) + segment.first + index),
        "author": _author(rolls[2], rolls[3], created),
        "language": language,
        "review": _text(rolls[4], language, positive),
        "timestamp_created": created,
        "timestamp_updated": updated if updated <= seen_at else created,
        "voted_up": positive,
        "votes_up": votes,
        "votes_funny": _UNDERFLOWN if rolls[5] % 997 == 0 else rolls[5] % 5 * (votes // 9),
        "weighted_vote_score": _weight(rolls[6], votes),
        "comment_count": rolls[7] % 7 if votes > 20 else 0,
        "steam_purchase": rolls[5] >> 40 & 7 != 7,
        "received_for_free": rolls[7] % 61 == 0,
        "written_during_early_access": rolls[6] % 29 == 0,
    }
    if rolls[7] % 40 == 3:
        review["primarily_steam_deck"] = True
    if not positive and rolls[1] % 50 == 1:
        review["developer_response"] = "Thank you for the report. We are on it."
        review["timestamp_dev_responded"] = min(created + 2 * 3600, start_of(segment.week + 1) - 1)
    return review


def _updated(roll: int, created: int, week_end: int) -> int:
    # Edits are made within the week, so that a finished week never changes again.
    if roll % 100 >= 15:
        return created
    return min(created + 60 + roll // 100 % (3 * DAY), week_end - 1)


def _votes(roll: int) -> int:
    return 0 if roll % 10 < 7 else int(1 / (roll % 9973 / 9973 + 0.004))


def _weight(roll: int, votes: int) -> float | str:
    if not votes:
        return 0.5 if roll % 3 else 0
    score = 0.5 + (roll % 10**12) / 10**12 * 0.45
    return round(score, 9) if roll % 4 else f"{score:.18f}"


def _author(roll: int, playtime: int, created: int) -> Json:
    forever = 30 + playtime % 997 * (playtime >> 20) % 60_000
    author: Json = {
        "steamid": str(_FIRST_STEAMID + roll % 1_700_000_000),
        "num_reviews": 1 + roll % 83 * (roll >> 40) % 60,
        "playtime_forever": forever,
        "playtime_last_two_weeks": playtime % 1200 if playtime % 3 else 0,
        "playtime_at_review": max(5, forever * (playtime >> 30 & 63) // 64),
        "last_played": created + playtime % (2 * DAY) - DAY,
    }
    if roll % 419 == 0:
        del author["playtime_at_review"]
    if roll % 233 == 0:
        author["last_played"] = 0
    return author


def _text(roll: int, language: str, positive: bool) -> str:
    shape = roll % 1000
    if shape < 4:
        return ""
    if shape < 40:
        return pick(TEXTS.emoji_reviews, roll >> 12)
    voice = TEXTS.voices[language]
    sentences = voice.good if positive else voice.bad
    one, two = pick(sentences, roll >> 16), pick(sentences, roll >> 24)
    if shape < 60:
        return TEXTS.markup_review.format(hours=5 + (roll >> 32) % 900, one=one, two=two)
    if shape == 60:
        return (f"{one}\n\n{two} " * 200)[:8000]
    return one if one == two or roll >> 40 & 1 else f"{one} {two}"

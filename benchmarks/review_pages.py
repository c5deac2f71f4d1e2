"""Raw partitions of reviews at any scale, generated without HTTP and Kafka, at seconds per million.

Belongs here: pages as Steam sends them, and their envelopes in raw files. Does not belong here: measuring.

Text lengths are distributed as in real reviews (median 110 characters, mean about 290). One review in 200 is on two
pages, as happens when the list shifts during paging; one in 2,000 was edited before it was written, which breaks a
rule; one in 40,000 has no creation date.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from json.encoder import encode_basestring
from multiprocessing import get_context
from pathlib import Path

from benchmarks.raw_partition import batch_of, counted_rows
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.lake import Lake
from steam_assets.lake.parquet_files import Written
from steam_assets.lake.raw_tables import commit_batch, write_batch
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.review_tables import FIRST_PAGE, PAGE

SOURCE = "reviews"
PAGE_LENGTH = 100
PAGES_AN_APP = 10
BATCH_ID = "b" * 32
ON_TWO_PAGES, EDITED_TOO_EARLY, DATELESS = 200, 2_000, 40_000

_MASK = (1 << 16) - 1
_LANGUAGES = ("english", "schinese", "russian", "spanish", "brazilian", "german", "koreana", "french")
_WORDS = (
    "the game is good fun bad crash after update story music graphics fps boss level friends hours price worth "
    "refund server lag mods great best worst never again love hate simple hard master quite very not and but with "
    "это игра очень хорошая нет сервер 好玩 游戏 推荐 画面 剧情 不错 juego muy bueno jogo legal spiel schön très bien "
    '10/10 [b]must[/b] \\ "quoted" 😀 ♥\n'
)


@dataclass(frozen=True)
class Pages:
    """The pages of a number of reviews of one week, distributed over ``files`` raw files by app."""

    key: str
    reviews: int
    files: int


def put_in_place(settings: Settings, pages: Pages) -> RawRecord:
    """Write and commit the partition; an existing one is kept."""
    raw = Lake(settings).raw(source_named(SOURCE))
    if (there := raw.record(RawRecord, pages.key)) is not None:
        return there
    raw.create()
    # Spawned processes: a fork of a process with running Arrow threads may hang.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        made = list(pool.map(partial(_write, settings, pages), range(pages.files)))
    written = [landed for landed, _ in made]
    items = sum((counted for _, counted in made), Counter[str]())
    files = [file for landed in written for file in landed.files]
    return commit_batch(raw, pages.key, batch_of(BATCH_ID, written, items), files)


def _write(settings: Settings, pages: Pages, number: int) -> tuple[Written, Counter[str]]:
    items = Counter[str]()
    mine = envelopes(pages.key, range(number, pages.reviews // PAGE_LENGTH, pages.files))
    raw = Lake(settings).raw(source_named(SOURCE))
    return write_batch(raw, f"{BATCH_ID}-{number}", counted_rows(mine, items)), items


def envelopes(key: str, pages: range) -> Iterator[Envelope]:
    """The envelopes of these pages of the week; each ten consecutive pages belong to one app."""
    window = Cadence.WEEKLY.window(key)
    fetched = window.end + timedelta(days=1)
    writer = _Writer(random.Random(f"{key} {pages.start}"), int(window.start.timestamp()))
    for place, sequence in enumerate(pages):
        first = place % PAGES_AN_APP == 0
        body = writer.page(sequence, first=first)
        yield Envelope(
            source=SOURCE,
            partition_key=key,
            batch_id=BATCH_ID,
            sequence=sequence,
            request=FIRST_PAGE if first else PAGE,
            app_id=10 * (1 + pages.start + pages.step * (place // PAGES_AN_APP)),
            url="https://api.steampowered.com/IUserReviewsService/GetAppReviews/v1/",
            status=200,
            headers={"content-type": "application/json; charset=UTF-8"},
            fetched_at=fetched + timedelta(milliseconds=sequence),
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            body=body,
            items={"reviews": PAGE_LENGTH, "review_summary": int(first)},
        )


class _Writer:
    """Writes the JSON of pages as strings: for a million reviews, ``json.dumps`` takes three times as long."""

    def __init__(self, chance: random.Random, start: int) -> None:
        self._chance = chance
        self._start = start
        self._text = " ".join(chance.choices(_WORDS.split(" "), k=400_000))
        self._lengths = [min(8000, max(1, int(chance.lognormvariate(4.7, 1.4)))) for _ in range(_MASK + 1)]
        self._before = ""

    def page(self, sequence: int, *, first: bool) -> str:
        number = sequence * PAGE_LENGTH
        reviews = [self._review(number + place) for place in range(PAGE_LENGTH)]
        if self._before and not first and self._chance.random() < PAGE_LENGTH / ON_TWO_PAGES:
            reviews[0] = self._before
        self._before = reviews[-1]
        counts = '"num_reviews":100,"total_positive":700,"total_negative":300,"total_reviews":1000'
        score = ',"review_score":7,"review_score_desc":"Mostly Positive"' if first else ""
        return (
            f'{{"response":{{"query_summary":{{{counts if first else counts[:17]}{score}}},'
            f'"reviews":[{",".join(reviews)}],"cursor":"AoJ{number:x}","total_matching":1000}}}}'
        )

    def _review(self, number: int) -> str:
        bits = self._chance.getrandbits(128)
        created = self._start + bits % 600_000
        updated = created if bits & 7 else created + (bits >> 8 & _MASK)
        updated = created - 60 if number % EDITED_TOO_EARLY == 77 else updated
        written = "null" if number % DATELESS == 99 else created
        begin = (bits >> 24) % 1_000_000
        text = encode_basestring(self._text[begin : begin + self._lengths[bits >> 48 & _MASK]])
        votes = 0 if bits >> 64 & 3 else bits >> 66 & 127
        played = 5 + (bits >> 72 & _MASK)
        score = f"0.5{bits >> 70 & 0xFFFFFF:08d}" if votes else "0.5"
        return (
            f'{{"recommendationid":"{200_000_000 + number}","author":{{"steamid":"{76561197960265728 + (bits >> 90)}",'
            f'"num_games_owned":0,"num_reviews":{1 + (bits >> 80 & 31)},"playtime_forever":{played * 3},'
            f'"playtime_last_two_weeks":{bits >> 85 & 1023},"playtime_at_review":{played},"last_played":{created}}},'
            f'"language":"{_LANGUAGES[bits >> 100 & 7]}","review":{text},"timestamp_created":{written},'
            f'"timestamp_updated":{updated},"voted_up":{"true" if bits >> 103 & 3 else "false"},"votes_up":{votes},'
            f'"votes_funny":{votes // 9},"weighted_vote_score":{score},"comment_count":{votes // 20},'
            f'"steam_purchase":{"true" if bits >> 105 & 3 else "false"},"received_for_free":false,'
            f'"written_during_early_access":false,"primarily_steam_deck":{"false" if bits >> 110 & 15 else "true"}}}'
        )


def main() -> None:
    """Create a partition, to be measured later."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--reviews", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=8)
    asked = parser.parse_args()
    pages = Pages("2026-11-10", asked.reviews, asked.files)
    begun = datetime.now(UTC)
    record = put_in_place(Settings(home=asked.home), pages)
    size = sum(batch.size for batch in record.batches)
    print(f"{record.items} in {size / 1e6:.0f} MB, {(datetime.now(UTC) - begun).total_seconds():.1f} s")


if __name__ == "__main__":
    main()

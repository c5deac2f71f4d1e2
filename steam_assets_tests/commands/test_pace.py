"""A backfill shows its remaining time."""

from __future__ import annotations

from collections.abc import Iterator

from steam_assets.commands.run import JUDGED, Pace


def lines(total: int, seconds: list[float], places: list[int]) -> Iterator[str]:
    """The remaining time shown as each partition begins, given how long each takes."""
    now = 0.0
    pace = Pace(total, lambda: now)
    for place, took in zip(places, seconds, strict=True):
        yield pace.left_from(place)
        now += took


def test_a_range_shows_its_remaining_time_from_the_second_partition_on() -> None:
    """Twenty countries at a request a second: 104 weeks take 104 times 20 seconds."""
    first, second, *_, last = lines(104, [20.0] * 104, [*range(104)])
    assert (first, second, last) == ("", ", 0:34:20 left", ", 0:00:20 left")


def test_existing_partitions_do_not_count_as_fetched_ones() -> None:
    """A resumed range, half of which is in Kafka: after a few fetched partitions, the remaining time is right again."""
    took = [0.1] * 52 + [20.0] * 52
    said = list(lines(104, took, [*range(104)]))
    settled = 52 + JUDGED
    assert said[settled] == f", 0:{(104 - settled) * 20 // 60:02}:{(104 - settled) * 20 % 60:02} left"


def test_a_range_of_one_partition_shows_no_remaining_time() -> None:
    assert list(lines(1, [20.0], [0])) == [""]

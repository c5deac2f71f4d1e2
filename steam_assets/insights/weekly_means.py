"""Seven-day means and their changes: a week compared with an earlier week, so that both have the same weekdays.

Belongs here: the mean and the change of any daily number. Does not belong here: which number (the insights' files).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame
    from pyspark.sql.window import WindowSpec

WEEK = 7
CHANGE_DAYS = (7, 28, 91, 364)
"""Days between the two weeks of a change: whole weeks, so that both start on the same weekday."""
ENOUGH_WEEKDAYS = 4
"""Minimum number of weekdays known in both weeks."""
LOOKBACK_DAYS = CHANGE_DAYS[-1] + WEEK
"""Days spanned by the longest change, the day itself included."""

METHOD = (
    "7-day mean: over the day and the 6 before it, null unless all 7 are known. Change over N days: the mean of those "
    "7 days / the mean of the 7 days that end N days earlier - 1, over the weekdays known in both (at least "
    f"{ENOUGH_WEEKDAYS}), so that a Sunday is never compared with a Monday."
)


def with_weekly_means(days: DataFrame, value: str, by: WindowSpec, mean: str) -> DataFrame:
    """``days`` with the 7-day ``mean`` of ``value``, its changes (shares) and ``players_gained_7d``.

    ``by`` is ordered by the day as an integer and has one row per day. Null where ``value`` is.
    """
    week = by.rangeBetween(1 - WEEK, 0)
    beside = days.withColumns({_then(n): F.max(value).over(by.rangeBetween(-n, -n)) for n in CHANGE_DAYS})
    sums = {_then(n): F.struct(*_sums(value, n, week)) for n in CHANGE_DAYS}
    means = beside.withColumns(sums).withColumns(
        {
            mean: F.when((F.count(value).over(week) == WEEK) & F.col(value).isNotNull(), F.avg(value).over(week)),
            **{
                f"peak_change_{n}d": F.when(_known(value, n), F.expr(f"{_then(n)}.now / {_then(n)}.then - 1"))
                for n in CHANGE_DAYS
            },
            "players_gained_7d": F.when(
                _known(value, WEEK), F.expr(f"({_then(WEEK)}.now - {_then(WEEK)}.then) / {_then(WEEK)}.days")
            ),
        }
    )
    return means.drop(*sums)


def columns_of(mean: str, whose: str) -> tuple[Column, ...]:
    """The columns that ``with_weekly_means`` adds."""
    against = f"7-day mean of {whose} against that of"
    return (
        Column(mean, "double", f"Mean of {whose} over the 7 days to this one; null unless all 7 are known.", "players"),
        Column(
            "peak_change_7d",
            "double",
            f"{against} the week before, as a share; null if too few weekdays are known.",
            "share",
        ),
        *(
            Column(f"peak_change_{n}d", "double", f"{against} {n} days before, as a share; null likewise.", "share")
            for n in CHANGE_DAYS[1:]
        ),
        Column("players_gained_7d", "double", f"{against} the week before, as a difference; null likewise.", "players"),
    )


def _then(days: int) -> str:
    return f"then_{days}d"


def _sums(value: str, days: int, week: WindowSpec) -> list[SparkColumn]:
    both = F.col(value).isNotNull() & F.col(_then(days)).isNotNull()
    return [
        F.sum(F.when(both, F.col(value))).over(week).alias("now"),
        F.sum(F.when(both, F.col(_then(days)))).over(week).alias("then"),
        F.count(F.when(both, 1)).over(week).alias("days"),
    ]


def _known(value: str, days: int) -> SparkColumn:
    return F.expr(f"{value} is not null and {_then(days)}.days >= {ENOUGH_WEEKDAYS} and {_then(days)}.then > 0")

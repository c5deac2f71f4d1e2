"""The weeks whose reviews can be opened: those flagged as unusual, and those in which Steam excluded reviews.

Belongs here: selecting these games and weeks, and the words and playtimes in their reviews. Does not belong here: what
makes a week unusual (insights/review_bombs.py), reading reviews (load.py).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

MOST_WEEKS = 40
"""Maximum number of games' weeks that can be opened, newest first. Each adds about 3 kB to the page, and takes reading
its reviews."""

SCHEMA = pa.schema([("app_id", pa.int64()), ("week_start", pa.date32()), ("partition_key", pa.string())])


def unusual_weeks(bombs: pa.Table | None) -> pa.Table:
    """The newest unusual weeks of games, from the insight; columns as in ``SCHEMA``."""
    if bombs is None:
        return SCHEMA.empty_table()
    unusual = bombs.filter(pc.field("flagged") | pc.field("off_topic_excluded_by_steam"))
    newest = unusual.sort_by([("week_start", "descending"), ("negative", "descending"), ("app_id", "ascending")])
    return newest.slice(0, MOST_WEEKS).select(SCHEMA.names).cast(SCHEMA)


COMPARED = {
    # Reviews of both kinds in a language, so that two shares can be compared.
    "fewest_reviews": 20,
    "fewest_mentions": 5,
    # In standard errors. Thousands of words are compared, so a threshold of 2 would find hundreds by chance.
    "least_score": 3,
    "most_terms": 12,
    "run": r"[\p{Han}\p{Hiragana}\p{Katakana}ー]+|[\p{L}\p{M}][\p{L}\p{M}\p{N}'’-]+",
    "unspaced": r"^[\p{Han}\p{Hiragana}\p{Katakana}ー]",
    "markup": r"\[[^\[\]\n]{1,300}\]|https?://\S+",
}
"""Parameters of ``TERMS``: thresholds, and expressions for words, for those of scripts without spaces, for markup."""

TERMS = """
with written as (
  select row_number() over () as review, app_id, partition_key, coalesce(language, 'unknown') as language, voted_up,
    regexp_extract_all(regexp_replace(lower(left(text, $source)), $markup, ' ', 'g'), $run) as runs
  from given semi join unusual using (app_id, partition_key) where voted_up is not null
),
sizes as (
  select app_id, partition_key, language,
    count(*) filter (not voted_up) as negatives, count(*) filter (voted_up) as positives
  from written group by all having least(negatives, positives) >= $fewest_reviews
),
terms as (
  select app_id, partition_key, language, voted_up, unnest(list_distinct(flatten([
    if(regexp_matches(run, $unspaced), [run[n:n + 1] for n in range(1, length(run))], [run]) for run in runs
  ]))) as term from written semi join sizes using (app_id, partition_key, language)
),
counted as (
  select app_id, partition_key, language, term,
    count(*) filter (not voted_up) as negative, count(*) filter (voted_up) as positive
  from terms where length(term) between 2 and 30 group by all having negative >= $fewest_mentions
),
sides as (
  select *, negative + 0.5 as a, negatives - negative + 0.5 as b, positive + 0.5 as c, positives - positive + 0.5 as d
  from counted join sizes using (app_id, partition_key, language)
),
scored as (select *, ln(a * d / (b * c)) / sqrt(1 / a + 1 / b + 1 / c + 1 / d) as score from sides)
select app_id as app, epoch_day(partition_key) as week, term, language, negative, negatives, positive, positives, score
from scored where score >= $least_score
qualify row_number() over (partition by app_id, partition_key order by score desc, term) <= $most_terms
order by app_id, partition_key, score desc, term
"""
"""Words that negative reviews have more often than positive ones, counted once per review, within each language: log
odds ratio with 0.5 added to each count (Haldane and Anscombe), divided by its standard error (Woolf). Chinese and
Japanese, which write no spaces, are compared by pairs of characters."""

TERMS_METHOD = (
    "Words that the week's negative reviews have more often than its positive ones in the same language, each counted "
    "once per review: log odds ratio with 0.5 added to each count, divided by its standard error; shown from "
    f"{COMPARED['least_score']} on, with at least {COMPARED['fewest_mentions']} mentions. Chinese and Japanese are "
    "compared by pairs of characters. Limitations: only fetched reviews, and only languages with at least "
    f"{COMPARED['fewest_reviews']} of both kinds. A word shows what was written about, not whether it is true."
)

HOURS = {"bounds": [0, 2, 10, 50, 200, 1000]}
"""Parameter of ``PLAYTIMES``: lower bounds of the classes of playtime, in hours. Steam refunds within 2 hours."""

PLAYTIMES = """
with written as (
  select app_id, partition_key, voted_up,
    list_max([bound for bound in $bounds if bound <= playtime_at_review_minutes / 60]) as hours
  from given semi join unusual using (app_id, partition_key) where playtime_at_review_minutes >= 0
),
classes as (
  select app_id, partition_key, unnest($bounds) as hours from (select distinct app_id, partition_key from written)
)
select app_id as app, epoch_day(partition_key) as week, hours,
  count(*) filter (voted_up) as positive, count(*) filter (not voted_up) as negative
from classes left join written using (app_id, partition_key, hours)
group by app_id, partition_key, hours order by app_id, partition_key, hours
"""
"""Reviews by class of playtime; a class without reviews has zeros."""

PLAYTIMES_METHOD = (
    "The week's fetched reviews by the hours that their writers had played when they wrote. Limitations: only the "
    "newest reviews where the page budget was reached. Reviews without a playtime are left out."
)

"""The clean tables of monthly visits: visits, engagement, traffic sources and countries.

Belongs here: their columns and how they are read from envelopes. Does not belong here: requests (monthly_visits.py).

All numbers are parsed as text, because Similarweb sends the same field as text, integer or in scientific notation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steam_assets.sources.json_body import exploded, shaped
from steam_assets.sources.readers import whole
from steam_assets.sources.source import Column, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ESTIMATE = "estimate"
OFFICIAL = "official"

ENGAGED = (
    "Engagments struct<Month: string, Year: string, BounceRate: string, PagePerVisit: string, TimeOnSite: string, "
    "Visits: string>"
)
IS_NEWEST = (
    f"{whole('{whole}.Engagments.Year')} = year(to_date(partition_key)) and "
    f"{whole('{whole}.Engagments.Month')} = month(to_date(partition_key))"
)
"""SQL: whether the response's details are for the partition's month."""

MONTHS = "array<struct<date: string, visits: string>>"
"""DDL of months as a list, as in the official response and one format of the free one."""

MONTH = Column("month", "date", "First day of the month (UTC).", nullable=False).of("to_date(partition_key)")


def _of_month(months: str) -> str:
    return f"get(filter({months}, month -> left(month.date, 10) = partition_key), 0).visits"


def visits(raw: DataFrame) -> DataFrame:
    """One row per response."""
    listed = f"from_json({{whole}}.EstimatedMonthlyVisits, '{MONTHS}')"
    entries = exploded(
        raw,
        shape=f"EstimatedMonthlyVisits string, visits {MONTHS}",
        array="array(named_struct('visits', coalesce("
        "try_element_at(from_json({whole}.EstimatedMonthlyVisits, 'map<string, string>'), partition_key), "
        f"{_of_month(listed)}, {_of_month('{whole}.visits')})))",
    )
    return shaped(entries, VISITS)


def engagement(raw: DataFrame) -> DataFrame:
    """One row per response whose details are for the month."""
    rank = "struct<Rank: string>"
    entries = exploded(
        raw,
        shape=f"{ENGAGED}, GlobalRank {rank}, CountryRank {rank}, CategoryRank {rank}, Category string",
        array=f"if({IS_NEWEST}, array(named_struct('engaged', {{whole}}.Engagments, "
        "'global', {whole}.GlobalRank.Rank, 'country', {whole}.CountryRank.Rank, "
        "'category', {whole}.CategoryRank.Rank, 'field', {whole}.Category)), null)",
    )
    return shaped(entries, ENGAGEMENT)


def traffic_sources(raw: DataFrame) -> DataFrame:
    """One row per traffic source, from responses whose details are for the month."""
    entries = exploded(
        raw,
        shape=f"{ENGAGED}, TrafficSources map<string, string>",
        array=f"if({IS_NEWEST}, filter(map_entries({{whole}}.TrafficSources), "
        "source -> source.value is not null), null)",
    )
    return shaped(entries, TRAFFIC)


def top_countries(raw: DataFrame) -> DataFrame:
    """One row per country, from responses whose details are for the month."""
    entries = exploded(
        raw,
        shape=f"{ENGAGED}, TopCountryShares array<{{item}}>",
        array=f"if({IS_NEWEST}, {{whole}}.TopCountryShares, null)",
        item="Country string, CountryCode string, Value string",
    ).where("problem is not null or entry.Value is not null")
    return shaped(entries, COUNTRIES)


SHARE = Column("share", "double", "Share of visits, 0 to 1.", "share", nullable=False, bounds=(0, 1))

VISITS = Table(
    name="visits",
    description="Visits to the Steam store's site in a month. Similarweb revises past months a little.",
    columns=(
        MONTH,
        Column("visits", "bigint", "Visits to the site, estimated.", "visits", nullable=False),
        Column("kind", "string", "estimate: the free endpoint; official: the API with a key.", nullable=False).of(
            "request"
        ),
    ),
    key=("month",),
    full_snapshot=True,
    items=visits,
)
ENGAGEMENT = Table(
    name="engagement",
    description="Engagement of visitors by month; only for months that were the newest as of collection.",
    columns=(
        MONTH,
        Column("visits", "bigint", "Visits, as sent with the engagement.", "visits").of("entry.engaged.Visits"),
        Column("bounce_rate", "double", "Share of visits that saw one page, 0 to 1.", "share", bounds=(0, 1)).of(
            "entry.engaged.BounceRate"
        ),
        Column("pages_per_visit", "double", "Pages seen in a visit.", "pages").of("entry.engaged.PagePerVisit"),
        Column("seconds_on_site", "double", "Length of a visit.", "seconds").of("entry.engaged.TimeOnSite"),
        Column("global_rank", "bigint", "Rank among all sites; null for a subdomain.").of("entry.global"),
        Column("country_rank", "bigint", "Rank within its main country; null for a subdomain.").of("entry.country"),
        Column("category_rank", "bigint", "Rank within its category; null for a subdomain.").of("entry.category"),
        Column("category", "string", "Similarweb's category of the site.").of("entry.field"),
    ),
    key=("month",),
    full_snapshot=True,
    items=engagement,
    rules={
        "not_negative": "least(pages_per_visit, seconds_on_site) >= 0",
        "ranks_from_1": "least(global_rank, country_rank, category_rank) >= 1",
    },
    asset="clean_engagement",
)
TRAFFIC = Table(
    name="traffic_sources",
    description="Traffic sources of visits, by month.",
    columns=(
        MONTH,
        Column(
            "traffic_source", "string", "Direct, Search, Social, Referrals, Paid Referrals or Mail.", nullable=False
        ).of("entry.key"),
        SHARE.of("entry.value"),
    ),
    key=("month", "traffic_source"),
    full_snapshot=True,
    items=traffic_sources,
    asset="clean_traffic_sources",
)
COUNTRIES = Table(
    name="top_countries",
    description="The five countries with the most visits, by month.",
    columns=(
        MONTH,
        Column("country", "int", "The country's numeric code in ISO 3166-1.", nullable=False).of("entry.Country"),
        Column("country_code", "string", "The country's two-letter code; null in responses from before 2023.").of(
            "entry.CountryCode"
        ),
        SHARE.of("entry.Value"),
    ),
    key=("month", "country"),
    full_snapshot=True,
    items=top_countries,
    asset="clean_top_countries",
)

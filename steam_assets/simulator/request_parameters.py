"""Request parameters as the services accept them, reduced to those that the pipeline sends.

Belongs here: the shapes of ``input_json`` and of a query. Does not belong here: responses.

A request of another shape gets the response of a failed call, so that the pipeline cannot silently omit a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, Field, model_validator

Json = dict[str, object]


class InputJson(BaseModel, frozen=True):
    """A message that is sent as JSON in the parameter ``input_json``."""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> Self:
        """The message. Raises ValidationError (pydantic) if it is missing, encoded twice, or has another shape."""
        return cls.model_validate_json(params.get("input_json", ""))


CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class _Home(BaseModel, frozen=True):
    country_code: Literal["US"]


class _Country(BaseModel, frozen=True):
    country_code: CountryCode


class StoreParameters(InputJson, frozen=True):
    """What is requested about items, which are those of the US store."""

    context: _Home
    data_request: Annotated[dict[str, object], Field(min_length=1)]


class ChartParameters(InputJson, frozen=True):
    """The chart of players; without items if nothing is requested about them."""

    context: _Home
    data_request: Annotated[dict[str, object], Field(min_length=1)] | None = None


class TopSellersParameters(InputJson, frozen=True):
    """A page of a week's chart in a country, with the items of that country's store; ``start_date`` in Unix seconds."""

    context: _Country
    data_request: Annotated[dict[str, object], Field(min_length=1)]
    country_code: CountryCode
    start_date: int
    page_start: Annotated[int, Field(ge=0)] = 0
    page_count: Annotated[int, Field(ge=1, le=100)] = 10

    @model_validator(mode="after")
    def _one_country(self) -> Self:
        if self.context.country_code != self.country_code:
            raise ValueError("the chart's country and that of its prices differ")
        return self


class NewsParameters(BaseModel, frozen=True):
    """One app's news before ``enddate`` (Unix seconds), newest first, always with full text."""

    appid: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=0)] = 20
    enddate: int = 2**40


class ReviewParameters(InputJson, frozen=True):
    """A page of an app's reviews by creation, newest first (``filter`` 1), of all languages, opinions and purchases.

    The date range is in Unix seconds, and its end is inclusive.
    """

    appid: Annotated[int, Field(ge=0)]
    filter: Literal[1]
    languages: tuple[Literal["all"]]
    purchase_type: Literal[1]
    review_type: Literal[0]
    num_per_page: Annotated[int, Field(ge=1, le=100)]
    date_range_start: Annotated[int, Field(gt=0)]
    date_range_end: Annotated[int, Field(gt=0)]
    filter_offtopic_activity: bool
    cursor: str = "*"

    def filter_at(self, now: int) -> ReviewFilter:
        """Which reviews match at ``now`` (Unix seconds); later ones do not exist yet."""
        return ReviewFilter(self.date_range_start, min(self.date_range_end, now) + 1, self.filter_offtopic_activity)


class ReviewFilter(NamedTuple):
    """Reviews written in ``[since, until)``, Unix seconds."""

    since: int
    until: int
    hide_off_topic: bool

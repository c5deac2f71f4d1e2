"""The texts of reviews and news, in the languages of Steam's players: texts.toml.

Belongs here: the shape of that file. Does not belong here: which app gets which text when.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files

from pydantic import BaseModel


class Voice(BaseModel, frozen=True):
    """Sentences of one language; ``share`` is its share of all reviews."""

    share: float
    good: tuple[str, ...]
    bad: tuple[str, ...]


class Texts(BaseModel, frozen=True):
    """Texts of reviews (``voices`` by language) and news (``press``: names of feeds by their label)."""

    emoji_reviews: tuple[str, ...]
    markup_review: str
    patch_lines: tuple[str, ...]
    event_titles: tuple[str, ...]
    press_titles: tuple[str, ...]
    press: dict[str, str]
    voices: dict[str, Voice]


TEXTS = Texts.model_validate(tomllib.loads((files("steam_assets.simulator") / "texts.toml").read_text("utf-8")))

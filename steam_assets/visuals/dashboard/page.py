"""The page: template, style and script put together, with the data, under a strict content policy.

Belongs here: escaping, the policy's hashes, the page's size. Does not belong here: what the data is (panel_queries.py).
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from steam_assets.insights.refreshed import in_words
from steam_assets.visuals.dashboard.data import DashboardData
from steam_assets.visuals.dashboard.panel_queries import Frames

LARGEST_PAGE = 3_000_000
"""Bytes a page may have, so that it goes by mail and opens at once."""

LIMITS = (
    {"articles": 4000, "effects": 1500},
    {"articles": 2000, "effects": 800},
    {"articles": 800, "effects": 300},
    {"articles": 200, "effects": 100},
)
"""How many articles and update effects are tried, most first."""

VIEWS = (
    ("overview", "Overview"),
    ("games", "Games"),
    ("top-sellers", "Top sellers"),
    ("reviews", "Reviews"),
    ("news", "News"),
    ("traffic", "Traffic"),
)

# What ends a script element, starts a comment in it, or ends a line in older JavaScript.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def render(data: DashboardData) -> str:
    """The page as HTML. The same data gives the same page, byte for byte.

    Where a year's articles would make it larger than ``LARGEST_PAGE``, the oldest are left out and the page says so.
    """
    page = ""
    for limits in LIMITS:
        page = _page(data, json_text(Frames(data, limits).payload()))
        if len(page.encode()) <= LARGEST_PAGE:
            break
    return page


def json_text(value: Any) -> Markup:
    """JSON that may stand inside a script element; ValueError for a number JSON does not have."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Half a surrogate pair cannot be written as UTF-8.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return Markup(text.translate(ESCAPES))  # noqa: S704


def _page(data: DashboardData, payload: Markup) -> str:
    folder = files("steam_assets.visuals.dashboard").joinpath("page")
    parts = sorted(part.name for part in folder.iterdir() if part.name.endswith(".js"))
    code = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in parts)
    script = f'"use strict";\n(() => {{\n{code}\n}})();\n'
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("steam_assets.visuals.dashboard", "page"), autoescape=True, undefined=StrictUndefined
    )
    newest = data.newest
    return environment.get_template("page.html.j2").render(
        policy=_policy(script, style),
        # Both are this package's own files, and hold nothing from outside.
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        data=payload,
        views=VIEWS,
        as_of=f"Newest data {newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if newest else "No data yet",
        behind=in_words(data.behind),
    )


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""The page: template, styles, scripts and data combined, under a strict Content-Security-Policy.

Belongs here: escaping, the policy's hashes, the page's size. Does not belong here: the data (payload.py).
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from steam_assets.ledger.unrefreshed import in_words
from steam_assets.sources import SOURCES
from steam_assets.visuals.dashboard.data import DashboardData
from steam_assets.visuals.dashboard.payload import Payload, payload
from steam_assets.visuals.dashboard.plain_tables import plain_tables

LARGEST_PAGE = 3_000_000
"""Maximum size of the page in bytes, so that it can be sent by mail and opens quickly."""

LIMITS = (
    {"articles": 4000, "effects": 4000},
    {"articles": 2000, "effects": 2000},
    {"articles": 800, "effects": 800},
    {"articles": 200, "effects": 200},
)
"""Numbers of articles and of update headlines to try, largest first. Their days and numbers are never cut."""

VIEWS = (
    ("overview", "Overview"),
    ("games", "Games"),
    ("top-sellers", "Top sellers"),
    ("market", "Market"),
    ("reviews", "Reviews"),
    ("news", "News"),
    ("traffic", "Traffic"),
)

# Characters that end a script element, start a comment in it, or end a line in older JavaScript.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def render(data: DashboardData) -> str:
    """The page as HTML. The same data gives the same bytes.

    If a year's articles would make it larger than ``LARGEST_PAGE``, the oldest are omitted and the page says so.
    """
    page = ""
    for limits in LIMITS:
        page = _page(data, payload(data, limits))
        if len(page.encode()) <= LARGEST_PAGE:
            break
    return page


def json_text(value: object) -> Markup:
    """JSON that is safe inside a script element. Raises ValueError for numbers that JSON does not have."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A lone surrogate cannot be encoded as UTF-8.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return Markup(text.translate(ESCAPES))  # noqa: S704


def _page(data: DashboardData, content: Payload) -> str:
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
        # Both come from files of this package and contain no external text.
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        data=json_text(content),
        plain_tables=tuple(plain_tables(data)),
        views=VIEWS,
        as_of=f"Newest data {newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if newest else "No data yet",
        behind=in_words(data.behind),
        synthetic=data.synthetic,
        credits=_credits(),
    )


def _credits() -> str:
    """The data credits: each service with the sources that use it."""
    of_service: dict[str, list[str]] = {}
    for source in SOURCES:
        of_service.setdefault(source.hosts[0].service, []).append(source.title.lower())
    return " ".join(f"{service}: {', '.join(titles)}." for service, titles in of_service.items())


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

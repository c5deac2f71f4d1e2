"""An open dashboard page and a record of everything it did that it should not do.

Belongs here: opening, going to a view, saving a panel's CSV. Does not belong here: tests, what the page shows.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from steam_assets_tests.waiting import START_SECONDS, wait_until

VIEWS = ("overview", "games", "games?ids=400,410,420,430", "games?ids=440&range=all", "top-sellers", "market",
         "reviews", "reviews?app=450", "reviews?app=450&week=2026-10-13", "news", "traffic")  # fmt: skip


@dataclass
class Visit:
    """An open page and a record of everything it did that it should not do."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def to(self, view: str) -> None:
        self.page.goto(f"{self.address}#/{view}")
        self.page.wait_for_selector("html[data-ready]", timeout=START_SECONDS * 1000)
        expect(self.page.locator("h1")).to_be_visible()
        # Panels draw once their width is known.
        expect(self.page.locator(".panel-body:empty")).to_have_count(0)

    def sheet(self, button: Locator) -> tuple[str, list[dict[str, str]]]:
        """The name of the file that a button downloads, and its rows."""
        with self.page.expect_download() as saved:
            button.click()
        content = Path(saved.value.path()).read_bytes()
        assert content.startswith(codecs.BOM_UTF8), "without it spreadsheets assume another encoding"
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        return saved.value.suggested_filename, list(csv.DictReader(text))

    def csv_of(self, title: str) -> list[dict[str, str]]:
        """The CSV rows of the panel with this title."""
        return self.sheet(self.page.get_by_role("button", name=f"Download CSV of {title}", exact=True))[1]

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true; the page's policy blocks Playwright's own waiting."""
        wait_until(lambda: self.page.evaluate(condition) or None, 10, condition, pause=0.02)

    def harm(self) -> object:
        return self.page.evaluate("[window.pwned ?? null, window.violations.length]")


@contextmanager
def visit(browser: Browser, address: str, width: int = 1440, **options: object) -> Iterator[Visit]:
    """A page without storage.

    With options of a browser context, it has a context of its own, as a test needs that measures the first visit or
    emulates another medium. The others share a tab, because a context costs as much CPU time as the page.
    """
    page = _page(browser, options) if options or not browser.contexts else browser.contexts[0].pages[0]
    if "viewport" not in options:
        page.set_viewport_size({"width": width, "height": 900})
    made = Visit(page, address)
    listeners: dict[Any, Callable[..., None]] = {
        "console": lambda message: made.said.append(f"{message.type}: {message.text}"),
        "pageerror": lambda error: made.said.append(str(error)),
        "request": lambda request: made.asked.append(request.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        yield made
    finally:
        if options:
            page.context.close()
        else:
            for event, listener in listeners.items():
                page.remove_listener(event, listener)
            page.evaluate("localStorage.clear()")
            page.goto("about:blank")


def _page(browser: Browser, options: dict[str, object]) -> Page:
    context = browser.new_context(**options)  # pyright: ignore[reportArgumentType]
    context.add_init_script(
        "window.violations = []; addEventListener('securitypolicyviolation', one => violations.push(one.blockedURI))"
    )
    return context.new_page()

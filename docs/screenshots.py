"""Takes the screenshots of the README with Chromium: ``python docs/screenshots.py``, or ``make screenshots``.

Belongs here: what they show, and a description of each screenshot. Does not belong here: the page (visuals/), the
assets (orchestration/).

``docs/images/shown.json`` has what the screenshots show: the headings of the page, and the groups of assets with the
edges between them. A test compares it with the current page and definitions, because pixels differ between machines.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

import requests
from playwright.sync_api import Browser, Page, sync_playwright

from steam_assets.loopback import free_port
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.tour.year import year
from steam_assets.visuals.dashboard import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = Path(__file__).parents[1]
IMAGES = Path(__file__).parent / "images"
SHOWN = IMAGES / "shown.json"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
LARGEST = 150_000
"""Maximum size of a screenshot in bytes."""

QUALITY = 0.82
PAGE_SIZE, GRAPH_SIZE = (1280, 1150), (1500, 980)
"""Width and height in pixels, of the page and of the Dagster UI."""
MARGIN = 10
"""Pixels around the graph."""

TO_WEBP = """async ([screenshot, quality]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${screenshot}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


class Graph(TypedDict):
    """Groups of assets, and pairs of them: ``a -> b`` if ``b`` reads what is in ``a``."""

    groups: list[str]
    edges: list[str]


class Shown(TypedDict):
    """What the screenshots show."""

    dashboard: list[str]
    assets: Graph


def main() -> int:
    """Create both screenshots; return 1 if one is too large."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with opened_page(browser, render(year())) as page:
            headings = headings_of(page)
            save(browser, page.screenshot(), "dashboard.webp")
        with webserver() as address, opened(browser, address, GRAPH_SIZE) as page:
            save(browser, graph_screenshot(page), "assets.webp")
        browser.close()
    SHOWN.write_text(json.dumps(Shown(dashboard=headings, assets=graph()), indent=1, ensure_ascii=False) + "\n")
    large = [path.name for path in IMAGES.glob("*.webp") if path.stat().st_size > LARGEST]
    for name in large:
        print(f"docs/images/{name} has more than {LARGEST:,} bytes", file=sys.stderr)
    return len(large) > 0


def graph() -> Graph:
    """The groups of the current definitions."""
    nodes = [
        node for node in build_defs(settings=Settings()).resolve_asset_graph().asset_nodes if node.is_materializable
    ]
    group = {node.key: str(node.group_name) for node in nodes}
    edges = {(group[parent], group[node.key]) for node in nodes for parent in node.parent_keys if parent in group}
    return Graph(
        groups=sorted({*group.values()}),
        edges=sorted(f"{parent} -> {child}" for parent, child in edges if parent != child),
    )


def headings_of(page: Page) -> list[str]:
    """The headings of an open page that are visible in its screenshot."""
    found = page.locator("h1, h2").evaluate_all(
        "all => all.map(one => [one.textContent, one.getBoundingClientRect().top])"
    )
    return [text for text, top in found if 0 <= top < PAGE_SIZE[1]]


@contextmanager
def opened_page(browser: Browser, html: str) -> Iterator[Page]:
    """The dashboard page, drawn."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(html, encoding="utf-8")
        with opened(browser, f"{file.as_uri()}#/overview", PAGE_SIZE) as page:
            page.wait_for_selector("html[data-ready]")
            page.wait_for_function("!document.querySelector('.panel-body:empty')")
            yield page


@contextmanager
def opened(browser: Browser, address: str, size: Sequence[int]) -> Iterator[Page]:
    """A page of this size in the light theme."""
    # The page's policy forbids the script that Playwright waits with.
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="light", bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


def graph_screenshot(page: Page) -> bytes:
    """The graph of the Dagster UI, cropped to its content."""
    nodes = page.locator("foreignObject")
    nodes.first.wait_for(timeout=120_000)
    page.wait_for_load_state("networkidle")
    boxes = [box for box in (node.bounding_box() for node in nodes.all()) if box]
    left, top = (min(box[edge] for box in boxes) - MARGIN for edge in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + MARGIN
    return page.screenshot(clip={"x": left, "y": top, "width": right - left, "height": bottom - top})


def save(browser: Browser, png: bytes, name: str) -> None:
    """Save a screenshot as WebP, a third of the size."""
    with opened(browser, "about:blank", (100, 100)) as page:
        made = page.evaluate(TO_WEBP, [base64.b64encode(png).decode(), QUALITY])
    (IMAGES / name).write_bytes(base64.b64decode(made))


@contextmanager
def webserver() -> Iterator[str]:
    """The address of the Dagster UI's global asset lineage, on a separate empty lake."""
    port = free_port()
    with TemporaryDirectory() as home:
        shutil.copy(REPOSITORY / "dagster.yaml", home)
        environment = {**os.environ, "DAGSTER_HOME": home, "STEAM_HOME": home}
        command = [str(Path(sys.executable).parent / "dagster-webserver"), "-w", "workspace.yaml", "-p", str(port)]
        server = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/server_info")
            yield f"{address}/asset-groups"
        finally:
            server.terminate()
            server.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            requests.get(address, timeout=5).raise_for_status()
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


if __name__ == "__main__":
    raise SystemExit(main())

"""Differences between hosts: addresses, keys, browser headers, and responses saved by hand."""

from __future__ import annotations

import json
import os
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from faulty_server import Script, serving
from test_http_client import GOOD, NOON, QUICK, asking, parse, request, settings

from steam_assets.clock import Clock
from steam_assets.extraction.errors import SourceError
from steam_assets.extraction.http_client import HttpClient
from steam_assets.sources import source_named
from steam_assets.sources.monthly_visits import SIMILARWEB, SIMILARWEB_API
from steam_assets.sources.source import FetchRequest, Request, Response
from steam_assets.sources.steam import STEAM_API

CANARY = "c4n4ry/+ key&"


def every_text_of(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts += [repr(error), str(error), repr(vars(error)), *traceback.format_exception(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@pytest.mark.parametrize("kind", ["answer", "502", "reset", "redirect", "invalid", "401", "closed port", "echo"])
def test_the_key_is_sent_and_shown_nowhere(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answers: dict[str, Script] = {
        "answer": lambda exchange: exchange.json(GOOD),
        "echo": lambda exchange: exchange.json(json.dumps({"ok": CANARY, "url": exchange.path}).encode()),
        "reset": lambda exchange: exchange.reset(),
        "redirect": lambda exchange: exchange.html(status=302, Location=exchange.path),
        "invalid": lambda exchange: exchange.json(b"{}"),
        "401": lambda exchange: exchange.html(exchange.path.encode(), 401),
        "502": lambda exchange: exchange.html(exchange.path.encode(), 502),
        "closed port": lambda exchange: exchange.json(GOOD),
    }
    caplog.set_level("DEBUG")
    with serving(answers[kind]) as server:
        url = "http://127.0.0.1:1" if kind == "closed port" else server.url
        with HttpClient(settings(url, tmp_path, similarweb_api_key=CANARY), Clock(NOON), QUICK) as client:
            shown = repr(client)
            try:
                response: Response[Any] | None = client.fetch(request(SIMILARWEB_API, country="world"))
            except SourceError as error:
                shown += every_text_of(error) + repr(error.evidence and error.evidence.body)
            else:
                shown += repr(response)
    if kind != "closed port":
        assert "country=world&api_key=c4n4ry%2F%2B+key%26" in server.asked[0]
    assert "c4n4ry" not in shown + caplog.text
    assert "country=world" in shown


def test_the_log_of_the_network_library_still_names_the_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "urllib3.connectionpool")
    with asking(lambda exchange: exchange.json(GOOD), tmp_path, similarweb_api_key=CANARY) as (client, _):
        client.fetch(request(SIMILARWEB_API))
    assert "api_key=[secret]" in caplog.text


def test_similarweb_sees_a_browser_with_its_extension_and_steam_does_not(tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, server):
        client.fetch(request(SIMILARWEB))
        client.fetch(request(STEAM_API))
    assert server.headers[0]["user-agent"].startswith("Mozilla/5.0")
    assert server.headers[0]["x-extension-version"]
    assert "origin" not in server.headers[0]
    assert "x-extension-version" not in server.headers[1]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host", "//host", "https://user:pass@host", ""])
def test_an_address_that_is_not_plain_http_is_refused_with_the_name_of_its_setting(url: str, tmp_path: Path) -> None:
    with (
        HttpClient(settings(url, tmp_path), Clock()) as client,
        pytest.raises(ValueError, match="STEAM_API_URL") as raised,
    ):
        client.fetch(request())
    assert "pass@" not in str(raised.value)


@pytest.mark.parametrize("path", ["//evil.example/x", "@evil.example/x", "/../../x", "http://evil.example/"])
def test_no_path_leads_to_another_host(path: str, tmp_path: Path) -> None:
    with asking(lambda exchange: exchange.json(GOOD), tmp_path) as (client, server):
        response = client.fetch(Request(STEAM_API, "odd", path, {}, parse))
    assert len(server.asked) == 1
    assert response.url.startswith(server.url + "/")


def test_the_newest_valid_manually_saved_file_is_used_before_the_network(tmp_path: Path) -> None:
    folder = tmp_path / "similarweb"
    folder.mkdir()
    for name, body, written in [("old.json", b'{"ok": 1}', 1_000), ("new é.json", b'\xef\xbb\xbf{"ok": 2}', 2_000)]:
        (folder / name).write_bytes(body)
        os.utime(folder / name, (written, written))
    (folder / "newest but wrong.json").write_bytes(b"<html>")
    with asking(lambda exchange: exchange.json(b'{"ok": 3}'), tmp_path) as (client, server):
        response = client.fetch(request(SIMILARWEB))
        assert server.asked == []
        assert client.fetch(request(STEAM_API)).value == {"ok": 3}
    assert response.value == {"ok": 2}
    assert response.url == "file:new%20%C3%A9.json"
    assert response.fetched_at == datetime.fromtimestamp(2_000, UTC)


def test_unusable_manually_saved_files_are_named_in_the_error(tmp_path: Path) -> None:
    """A user who saved a page of another site learns that, and not only that the host is unreachable."""
    folder = tmp_path / "similarweb"
    folder.mkdir()
    (folder / "google.json").write_bytes(b'{"SiteName": "google.com", "EstimatedMonthlyVisits": {"2026-10-01": 5}}')
    window = source_named("monthly_visits").cadence.window("2026-10-01")
    with (
        HttpClient(settings("http://127.0.0.1:1", tmp_path), Clock(NOON), QUICK) as client,
        pytest.raises(SourceError, match=r"Skipped manually saved files: google\.json: .*the site 'google\.com'"),
    ):
        list(source_named("monthly_visits").extract(client, FetchRequest(window, NOON)))


def test_drop_folder_entries_other_than_regular_files_are_named_and_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """This also holds if the folder's name is a glob pattern. Reading a pipe without a writer would block for ever."""
    folder = tmp_path / "[drop] *?"
    (folder / "folder.json").mkdir(parents=True)
    os.mkfifo(folder / "pipe.json")
    (folder / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "kept").write_bytes(b'{"ok": 2}')
    os.utime(tmp_path / "kept", (NOON.timestamp(), NOON.timestamp()))
    Path(os.fsdecode(os.fsencode(folder) + b"/linked\xe9.json")).symlink_to(tmp_path / "kept")
    with asking(lambda exchange: exchange.json(GOOD), tmp_path, similarweb_drop_folder=folder) as (client, server):
        response = client.fetch(request(SIMILARWEB))
        assert server.asked == []
    assert (response.value, response.url) == ({"ok": 2}, "file:linked%E9.json")
    for name in ("folder.json", "pipe.json", "gone.json"):
        assert f"skipping {folder / name}: not a regular file" in caplog.text


def test_without_a_valid_manually_saved_file_the_network_is_used(tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.json").write_bytes(b"{}")
    with asking(lambda exchange: exchange.json(GOOD), tmp_path, similarweb_drop_folder=tmp_path / "drop") as (
        client,
        _,
    ):
        assert client.fetch(request(SIMILARWEB)).url.startswith("http://")

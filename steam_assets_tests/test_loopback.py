"""Requests to this machine bypass proxies in every library; other requests use them."""

from __future__ import annotations

import urllib.request

import botocore.utils
import pytest
import requests

from steam_assets.loopback import keep_off_proxies

PROXY = "http://proxy.invalid:3128"
HERE = ["http://127.0.0.1:8765/x", "http://localhost:8765/x", "http://[::1]:8765/x", "https://127.0.0.1/x"]


@pytest.fixture(params=[{}, {"NO_PROXY": "corp.example"}, {"no_proxy": "corp.example, .intra"}, {"NO_PROXY": "*"}])
def given(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelt in (name, name.upper()):
            # Set first, so that a variable which a test adds is removed afterwards.
            monkeypatch.setenv(spelt, PROXY)
            if name == "no_proxy":
                monkeypatch.delenv(spelt)
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)
    return request.param


@pytest.mark.parametrize("url", HERE)
def test_this_machine_is_reached_without_a_proxy(given: dict[str, str], url: str) -> None:
    keep_off_proxies()
    keep_off_proxies()
    host = url.split("/")[2]
    assert requests.utils.get_environ_proxies(url) == {}
    assert urllib.request.proxy_bypass(host)
    assert botocore.utils.get_environ_proxies(url) == {}


def test_existing_settings_are_kept_and_other_hosts_use_the_proxy(given: dict[str, str]) -> None:
    keep_off_proxies()
    everything = "*" in given.values()
    assert bool(requests.utils.get_environ_proxies("https://api.steampowered.com/")) is not everything
    if given:
        assert requests.utils.get_environ_proxies("http://corp.example/") == {}

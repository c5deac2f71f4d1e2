"""Proof from the code that some cases cannot occur: nothing parses XML, and one module sends all requests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from steam_assets_tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "steam_assets"
XML_PARSERS = {"xml", "defusedxml", "feedparser", "xmltodict"}
WEB_CLIENTS = {"requests", "httpx", "aiohttp", "urllib.request", "urllib3", "http.client"}
WEB_USERS = {
    "extraction/transport.py": "the sources' requests, to the hosts of the registry",
    "extraction/http_client.py": "the same; it names a session's type",
    "orchestration/alerts.py": "the webhook of the settings",
    "commands/doctor_checks.py": "the addresses of the settings, for the clock of a service",
    "lake/rest_catalog.py": "the address of the settings; it limits the time of pyiceberg's requests",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_of(name: str, libraries: set[str]) -> bool:
    return any(name == library or name.startswith(f"{library}.") for library in libraries)


def test_no_module_parses_xml() -> None:
    """lxml's HTML parser ignores external entities; these calls use its XML parser by default."""
    for name, tree in modules():
        assert not [one for one in imported(tree) if is_of(one, XML_PARSERS)], name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_etree(node.func.value):
                assert node.func.attr not in {"parse", "XML", "XMLParser", "iterparse", "XMLPullParser"}, name
                if node.func.attr == "fromstring":
                    assert len(node.args) == 2, f"{name}: without a parser of HTML it would parse XML"


def _is_etree(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "etree"


def test_requests_are_sent_from_one_place() -> None:
    """Modules that handle content from the web cannot fetch addresses found in it."""
    users = {name for name, tree in modules() if any(is_of(one, WEB_CLIENTS) for one in imported(tree))}
    assert users == set(WEB_USERS)

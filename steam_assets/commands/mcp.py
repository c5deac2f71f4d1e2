"""``steam-assets mcp``: the lake for agents.

Belongs here: options. Does not belong here: the server (agents/), limits (query/).
"""

from __future__ import annotations

from typing import Annotated

import typer

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.preflight import opened_settings, require_free_port
from steam_assets.commands.terminal import Terminal

PORT = 8775
SECONDS = 20.0
ROWS = 200
ANSWER_BYTES = 2 << 20
MEMORY_MB = 1024


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP, on this machine only, instead of stdin and stdout.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1, with --http.")] = PORT,
    seconds: Annotated[float, typer.Option(min=0.1, help="Maximum duration of a query, in seconds.")] = SECONDS,
    rows: Annotated[int, typer.Option(min=1, help="Maximum rows of an answer.")] = ROWS,
    home: HomeOption = None,
) -> None:
    """Serve the tables and insights to agents, read-only, over the Model Context Protocol.

    An agent's client starts this command itself, as docs/how-to/agents.md shows. Each answer states its method,
    limitations, date and gaps; text from the web is marked as quoted.
    """
    settings = opened_settings(home)
    if http:
        require_free_port("127.0.0.1", port)
    from steam_assets.extras import require

    require("mcp", "steam-assets mcp")
    from steam_assets.agents.server import PATH, build_server, serve_http, serve_stdio
    from steam_assets.agents.tools import Tools
    from steam_assets.query.descriptions import descriptions
    from steam_assets.query.engine import Limits
    from steam_assets.query.worker import QueryWorker

    limits = Limits(seconds=seconds, rows=rows, result_bytes=ANSWER_BYTES, memory_mb=MEMORY_MB)
    # Quarantine and raw data have reviewers' ids, and are not for agents.
    with QueryWorker(settings, ("clean",), limits, only=descriptions().keys()) as worker:
        worker.start()
        server = build_server(Tools(settings, worker))
        if http:
            Terminal().print(f"MCP server: http://127.0.0.1:{port}{PATH}. Press Ctrl-C to stop.", soft_wrap=True)
            serve_http(server, port)
        else:
            serve_stdio(server)

"""The server of the Model Context Protocol, on stdio or on HTTP of this machine.

Belongs here: the tools' names and texts, which requests are accepted. Does not belong here: answers (tools.py).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from steam_assets.agents import answers
from steam_assets.agents.quoting import NOTICE, quoted
from steam_assets.agents.tools import Tools
from steam_assets.lake.roots import SYNTHETIC
from steam_assets.loopback import LOOPBACK
from steam_assets.query.errors import QueryError
from steam_assets.query.worker import QueryFailed

PATH = "/mcp"
INSTRUCTIONS = f"""Steam market data: charts, top sellers, reviews, news, site traffic, and insights computed from them.

Start with list_tables, then describe_table; use read_insight where an insight fits, otherwise query (one SELECT in
DuckDB's SQL). Days are UTC, a week starts on Tuesday. Report an answer with its as-of and its gaps: a period without
rows is unknown, not zero. State limitations where they matter.

{NOTICE}"""

P = ParamSpec("P")
T = TypeVar("T")
Name = Annotated[str, Field(description="A table or insight, as list_tables names it.", max_length=200)]
Period = Annotated[
    str | None, Field(description="First day (UTC) of a period, YYYY-MM-DD. Default: the newest period.", max_length=10)
]


def instructions(tools: Tools) -> str:
    """The instructions that an MCP client passes on to its model."""
    return f"{SYNTHETIC} Say so with every number.\n\n{INSTRUCTIONS}" if tools.synthetic else INSTRUCTIONS


def build_server(tools: Tools) -> MCPServer[None]:
    """The server with all its tools, none of which can change anything."""
    server: MCPServer[None] = MCPServer(
        "steam-assets", version=version("steam-assets"), instructions=instructions(tools), log_level="WARNING"
    )
    kept = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

    @server.tool(annotations=kept)
    @_reported
    def list_tables() -> Annotated[CallToolResult, answers.Tables]:
        """List all tables and insights: what each has, and the length of its periods."""
        return _said(tools.list_tables())

    @server.tool(annotations=kept)
    @_reported
    def describe_table(name: Name) -> Annotated[CallToolResult, answers.TableDescription]:
        """Describe a table or an insight: columns with units, key, method, limitations, as-of and gaps."""
        return _said(tools.describe_table(name))

    @server.tool(annotations=kept)
    @_reported
    def query(
        sql: Annotated[str, Field(description="One SELECT in DuckDB's SQL over the tables.", max_length=20_000)],
    ) -> Annotated[CallToolResult, answers.Result]:
        """Ask the tables in SQL. Rows, time and memory are limited: aggregate, filter, and use LIMIT."""
        return _said(tools.query(sql))

    @server.tool(annotations=kept)
    @_reported
    def read_insight(
        name: Name,
        first: Period = None,
        last: Period = None,
        app_id: Annotated[int | None, Field(description="Only this app, by Steam's number.", ge=0)] = None,
    ) -> Annotated[CallToolResult, answers.Result]:
        """Read the rows of an insight, of its newest period or of several, with its method and limitations."""
        return _said(tools.read_insight(name, first, last, app_id))

    @server.tool(annotations=kept)
    @_reported
    def status() -> Annotated[CallToolResult, answers.Status]:
        """Show how fresh each source is, and every period that is missing."""
        return _said(tools.status())

    return server


def _said(answer: BaseModel) -> CallToolResult:
    """An answer both as structured content and as compact JSON text, for clients that read only one."""
    fields = answer.model_dump(mode="json")
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=fields)


def _reported(answer: Callable[P, T]) -> Callable[P, T]:
    """``answer``, with its errors as one line for the agent, marked like data because they may quote it."""

    @functools.wraps(answer)
    def reported(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return answer(*args, **kwargs)
        except QueryError as error:
            raise ToolError(json.dumps(quoted(str(error)), ensure_ascii=False)) from error
        except QueryFailed as error:
            raise ToolError("the query engine failed; steam-assets doctor may show why") from error

    return reported


def serve_stdio(server: MCPServer[None]) -> None:
    """Answer on stdin and stdout until stdin is closed."""
    server.run("stdio")


def serve_http(server: MCPServer[None], port: int) -> None:
    """Serve on 127.0.0.1 until interrupted, for programs but not for pages of web sites.

    The server has no login. A page in a browser sends its site's Origin and, after DNS rebinding, its own name as Host;
    both are rejected.
    """
    names = [f"{host}:{port}" for host in (LOOPBACK, "localhost")]
    checked = TransportSecuritySettings(allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names])
    server.run(
        "streamable-http",
        host=LOOPBACK,
        port=port,
        streamable_http_path=PATH,
        json_response=True,
        transport_security=checked,
    )

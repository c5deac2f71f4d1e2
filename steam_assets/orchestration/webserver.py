"""Dagster's webserver behind the ``same_origin`` check: ``python -m steam_assets.orchestration.webserver``.

Belongs here: adding the check; options are those of ``dagster-webserver``. Does not belong here: the check itself.
"""

from __future__ import annotations

import uvicorn
from dagster_webserver import cli
from dagster_webserver.app import create_app_from_workspace_process_context

from steam_assets.orchestration.dagster_types import Internal
from steam_assets.orchestration.same_origin import SameOrigin
from steam_assets.settings import Settings


def main() -> None:
    """Run ``dagster-webserver`` with its last step replaced, because the command has no option for middleware."""
    cli.host_dagster_ui_with_workspace_process_context = _serve
    cli.main()


def _serve(
    workspace_process_context: Internal,
    host: str | None,
    port: int | None,
    path_prefix: str,
    log_level: str,
    live_data_poll_rate: int | None = None,
) -> None:
    where = host or cli.DEFAULT_WEBSERVER_HOST
    app = create_app_from_workspace_process_context(workspace_process_context, path_prefix, live_data_poll_rate)
    app.add_middleware(SameOrigin, hosts=[where, *Settings().dagster_ui_hosts.split(",")])
    uvicorn.run(app, host=where, port=port or cli.DEFAULT_WEBSERVER_PORT, log_level=log_level)


if __name__ == "__main__":
    main()

"""Publishing the tables as data sources of a Tableau server.

Belongs here: signing in, finding the project, publishing. Does not belong here: the files (extract.py), when to do so
(orchestration/).

A Tableau server accepts a ``.hyper`` file only if it has exactly one fact table. So publishing creates one data source
per table, which includes ``apps``, with keys between both, if the table has an ``app_id``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import tableauserverclient as tsc
from pydantic import SecretStr
from tableauserverclient.server.endpoint.exceptions import TableauError, XMLError

from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.visuals.tableau.extract import APPS, Rows, apps_of, declare_keys, rows_of, write_tables

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class TableauRefused(RuntimeError):
    """The server rejected the publication; the message states why and what to do."""


@dataclass(frozen=True)
class TableauServer:
    """Where to publish, and the personal access token to sign in with. ``site`` is empty for the default site."""

    url: str
    project: str
    token_name: str
    token_secret: SecretStr = field(repr=False)
    site: str = ""
    timeout_seconds: float = 120


def publish(tables: Mapping[str, Rows], server: TableauServer, *, prefix: str = "Steam") -> dict[str, str]:
    """Publish each table as the data source ``PREFIX: table``, replacing an older one; returns the ids by table.

    TableauRefused if the server, the project or the token does not match the settings, or a file is rejected; tables
    published before that stay.
    """
    published: dict[str, str] = {}
    with _signed_in(server) as api, temporary_folder("steam-tableau-") as folder:
        project = _project(api, server)
        apps = rows_of(apps_of(tables))
        for name, rows in tables.items():
            file = folder / f"{name}.hyper"
            has_apps = "app_id" in rows.schema.names
            write_tables({name: rows} | ({APPS: apps} if has_apps else {}), file, folder)
            if has_apps:
                declare_keys(file, name, folder)
            item = tsc.DatasourceItem(project, name=f"{prefix}: {name}")
            made = api.datasources.publish(item, file, tsc.Server.PublishMode.Overwrite)
            published[name] = str(made.id)
            file.unlink()
    return published


@contextmanager
def _signed_in(server: TableauServer) -> Iterator[tsc.Server]:
    """A session on the server; the token is sent only over TLS, except to this machine."""
    address = urlsplit(server.url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise TableauRefused(f"{server.url} is not https, and the token is never sent unencrypted; use an https URL")
    try:
        api = tsc.Server(server.url, use_server_version=True, http_options={"timeout": server.timeout_seconds})
        secret = server.token_secret.get_secret_value()
        with api.auth.sign_in(tsc.PersonalAccessTokenAuth(server.token_name, secret, site_id=server.site)):
            yield api
    except XMLError as error:
        hint = "renew the token" if str(error.code).startswith("401") else "see the server's answer"
        raise TableauRefused(f"{server.url} refused ({error.code}: {error.summary}, {error.detail}); {hint}") from error
    except TableauError as error:
        raise TableauRefused(f"{server.url} failed ({type(error).__name__}); check its log, or retry later") from error
    except OSError as error:
        raise TableauRefused(
            f"{server.url} cannot be used ({type(error).__name__}); make sure that it is running"
        ) from error


def _project(api: tsc.Server, server: TableauServer) -> str:
    wanted = tsc.RequestOptions()
    wanted.filter.add(tsc.Filter(tsc.RequestOptions.Field.Name, tsc.RequestOptions.Operator.Equals, server.project))
    found, _ = api.projects.get(wanted)
    project = next((one.id for one in found if one.name == server.project), None)
    if project is None:
        raise TableauRefused(f"{server.url} has no project {server.project!r}; create it, or name another")
    return project

"""``ebbline worker``: run the streaming roles."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.app import ROLES, default_roles
from streams.cli.common import config_option, load, told
from streams.connections import Connections
from streams.telemetry.logs import configure
from streams.topics.preflight import PreflightError
from streams.worker import Options, run


def _roles(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    roles = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    wrong = [role for role in roles if role not in ROLES]
    if wrong or not roles:
        raise click.BadParameter(f"{value!r}: roles are {', '.join(ROLES)}, separated by commas")
    return roles


@click.command()
@config_option
@click.option(
    "--roles",
    callback=_roles,
    help="What this process does: score (ingest, features, scores, labels; scale by starting "
    "more of them, up to one for each partition), train (one for each app), rekey (copies topics "
    "that are not keyed by user; one for each such source works, more stand by).  "
    "[default: all that there is work for]",
)
@click.option("--web-port", type=int, help="Port of /metrics, /healthz, /readyz (0 = any free).")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Where no state is found for committed offsets (the features were changed, Redis was "
    "emptied), compute it again from the beginning of the topics.",
)
@click.option("--log-level", default="INFO", show_default=True)
def worker(
    config_file: Path | None,
    roles: tuple[str, ...] | None,
    web_port: int | None,
    rebuild: bool,
    log_level: str,
) -> None:
    """Read user events, keep features, score, learn.

    Needs KAFKA_BOOTSTRAP_SERVERS, REDIS_URL and EBBLINE_SIGNING_KEY (a secret of at least 16
    bytes; snapshots are signed with it, all workers of an app share it). Stops in order on
    SIGTERM: the batch at hand is finished, offsets are committed, exit code 0.
    """
    configure(log_level.upper())
    config = load(config_file)
    with told(PreflightError):
        connections = Connections.from_env()
        connections.require_signing_key()
        code = run(config, connections, Options(roles or default_roles(config), rebuild, web_port))
    sys.exit(code)

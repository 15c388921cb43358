"""The ``ebbline`` command. Each subcommand lives in a module of its own, loaded when asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "config": ("streams.cli.config", "Check ebbline.toml; print its JSON Schema."),
    "cost": ("streams.cli.cost", "What it costs when a source is late or missing, in money too."),
    "deadletters": ("streams.cli.deadletters", "List rejected records; send them again."),
    "demo": ("streams.cli.demo", "Run everything on embedded services, with simulated users."),
    "forget": ("streams.cli.forget", "Erase the state of users."),
    "init": ("streams.cli.init", "Write a commented ebbline.toml to start from."),
    "models": ("streams.cli.models", "Models in training: compare, promote, roll back."),
    "publish": ("streams.cli.publish", "Put rows of files on a source's topic, as history."),
    "simulate": ("streams.cli.simulate", "Send the events of simulated users, to try things out."),
    "sources": ("streams.cli.sources", "How each source is doing, and why."),
    "study": ("streams.cli.study", "What staleness costs: policies compared on logs with faults."),
    "topics": ("streams.cli.topics", "Create and check the topics of a configuration."),
    "watch": ("streams.cli.watch", "Live table: sources, lags, scores, newest high risks."),
    "worker": ("streams.cli.worker", "Run the streaming roles: score, train."),
}


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all subcommands."""
        return sorted(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,
        cmd_name: str,
    ) -> click.Command | None:
        """Import ``streams.cli.<name>`` and take the command of that name from it."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        """List the subcommands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: ebbline init, ebbline config check, ebbline topics create, ebbline worker.",
)
@click.version_option(package_name="ebbline")
def main() -> None:
    """Ebbline scores users for churn from streams of events, and stays right when streams don't.

    Addresses and secrets come from the environment: KAFKA_BOOTSTRAP_SERVERS, REDIS_URL,
    EBBLINE_SIGNING_KEY; everything else from ebbline.toml (EBBLINE_CONFIG names another file).
    """

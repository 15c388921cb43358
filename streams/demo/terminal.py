"""The demo in a terminal: the deployment's own live view, with the story around it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.demo.ledger import HIGHEST
from streams.demo.lines import newest_auc
from streams.demo.moment import Moment
from streams.demo.simtime import day_of
from streams.watch.render import picture

BARS = " ▁▂▃▄▅▆▇█"
ACTS = {
    "learning": "the model learns from what became of the users it scored",
    "cut": "usage is CUT: scores go on, and say that usage is stalled",
    "restored": "usage is back: its backlog has landed, scores are fresh again",
    "over": "the story has been told",
}


def picture_of(moment: Moment) -> RenderableType:
    """Draw the moment."""
    return Panel(
        Group(_head(moment), Text(), picture(moment.view), Text(), *_story(moment)),
        title="[bold]Ebbline demo[/]: simulated users, kept nowhere",
        subtitle="Ctrl-C ends it",
    )


def sparkline(values: list[float]) -> str:
    """Draw values as bars, scaled to the largest.

    >>> sparkline([0, 1, 2])
    ' ▄█'
    """
    most = max(values, default=0) or 1
    return "".join(BARS[round(v / most * (len(BARS) - 1))] for v in values)


def _head(moment: Moment) -> RenderableType:
    table = Table.grid(padding=(0, 3))
    held = " (waiting for the worker)" if moment.waiting else ""
    table.add_row("simulated day", f"[bold]{day_of(moment.now):.1f}[/]{held}")
    table.add_row("AUC", f"[bold]{newest_auc(moment)}[/], chance 0.500")
    aucs = [j.quality.auc for j in moment.judged][-40:]
    table.add_row("emitted, above .5", sparkline([max(0.0, (a or 0.5) - 0.5) for a in aucs]))
    table.add_row("users by risk", f"0 {sparkline([n**0.5 for n in moment.histogram])} {HIGHEST}+")
    dead = ", ".join(f"{n} {reason}" for reason, n in moment.dead.items()) or "none"
    table.add_row("dead letters", f"{dead} [dim](some records are damaged on purpose)[/]")
    table.add_row("now", f"[bold yellow]{ACTS[moment.act]}[/]")
    return table


def _story(moment: Moment) -> list[RenderableType]:
    lines = [Text.from_markup(f"[dim]{escape(line)}[/]") for line in moment.messages[-5:]]
    good = sum(c.ok for c in moment.verdict)
    if moment.verdict:
        style = "green" if good == len(moment.verdict) else "bold red"
        lines.append(Text(f"{good} of {len(moment.verdict)} claims were seen to hold", style=style))
    lines += [Text(f"FAILED {c.name}: {c.detail}", style="red") for c in moment.verdict if not c.ok]
    return list(lines)

"""Tables of dead letters for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from schemas.deadletters import DeadLetter
from streams.deadletters.letters import Letters, shortened
from streams.deadletters.remedies import remedy_of


def tables(letters: Letters) -> Iterator[RenderableType]:
    """Draw counts by reason, what to do, and the newest letters."""
    yield _counts(letters)
    repeated = f", {letters.repeated} of them written twice" if letters.repeated else ""
    yield Text(f"{letters.total} letters about {letters.origins} records{repeated}\n")
    for letter in letters.newest():
        yield _letter(letter)


def _counts(letters: Letters) -> Table:
    table = Table("reason", "source", box=None, pad_edge=False, header_style="dim")
    table.add_column("letters", justify="right")
    table.add_column("what to do")
    for (reason, source), count in letters.counts.most_common():
        table.add_row(reason, escape(source), str(count), escape(remedy_of(reason).remedy))
    return table


def _letter(letter: DeadLetter) -> RenderableType:
    retried = f", first at {letter.retried_from}" if letter.retried_from else ""
    head = f"{letter.id}{retried}  {letter.reason}  rejected {letter.rejected_at}"
    shown = f"  {shortened(letter.key_base64, 24)} → {shortened(letter.value_base64)}"
    return Text(f"{head}\n  {letter.message}\n{shown}")

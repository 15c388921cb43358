"""``ebbline cost``: is it worth mending, and which source first?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from kafka.errors import KafkaError
from rich.console import Console

from models.spec import Spec
from streams.champions.history import by_epoch, of_file, of_topic
from streams.cli.common import config_option, load, told
from streams.cli.logs import the_log
from streams.topics.clients import KafkaUnreachable
from streams.topics.reading import TopicNotReadable

if TYPE_CHECKING:
    from streams.study.bill import Bill
    from streams.study.pairs import Pairs


@click.command()
@config_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Replay this log: a folder with one file for each source, or the word simulator.  "
    "[default: the examples of the running deployment]",
)
@click.option(
    "--examples",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Without --data: a file of the examples topic's records, one a line, in its place.",
)
@click.option("--features", is_flag=True, help="Every feature, too.")
@click.option("--saved", default=100.0, show_default=True, help="Value of a churner who is saved.")
@click.option("--band", help="Users are triggered from this band on.  [default: the highest]")
@click.option(
    "--users",
    default=1.0,
    type=click.FloatRange(0, 1, min_open=True),
    help="With --data: share of the users, by a hash.  [default: all]",
)
@click.option("--days", default=220, show_default=True, help="Simulated days.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures there.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the curves there, as SVG: the cost of lateness.",
)
def cost(
    config_file: Path | None,
    data: Path | None,
    examples: Path | None,
    features: bool,
    saved: float,
    band: str | None,
    users: float,
    days: int,
    json_path: Path | None,
    plot: Path | None,
) -> None:
    """What it costs that a source is 1h, 1d, 7d, 28d late, or missing.

    For each source: log loss more, AUC less, churners missed a month, and that in money. On matured
    cuts, each told two ways: same users, same outcomes, so differences are paired; the intervals
    are 95 % and count users, not rows. A churner counts once: missed is who is triggered at one of
    his cuts before he leaves as things are, and at none of them with the source late.

    With --data a log is lived through again by the production engine in memory, and at every cut
    everybody is scored once more with each source late or missing, by the model and the policy that
    are in force then: nobody has warned them. Without it the examples of the running deployment are
    learned again, and each is scored before that: with all that is known of it by now; without each
    source; and, where a source follows learned, lag_trained or nowcast, with each source late, by
    the policy in force. Examples are some of the cuts (example_every, by default one of a user in
    each horizon), so who is missed at one of them may be met at another; where negatives are a
    sample, each stands for as many as its weight says. They carry one lag each, drawn at random:
    "7d" means up to 7d, and more than the next shorter one shown. Lags within stale_after are no
    lateness. Examples that hold wrong data, as far as that is known by now, are left out from the
    beginning.
    """
    # They learn, which takes two seconds to import.
    from streams.publish.files import FileError
    from streams.publish.records import UnreadableRows
    from streams.study.curves import picture
    from streams.study.pairs import TooFewCuts

    with told(
        FileError, UnreadableRows, TooFewCuts, KafkaUnreachable, TopicNotReadable, KafkaError
    ):
        if data is None:
            spec = load(config_file).spec
            pairs = _live(config_file, examples, features=features)
        else:
            spec, pairs = _replayed(config_file, data, users, days, features=features)
        bill = _bill(pairs, saved, _threshold(spec, band))
    Console(width=140).print(*bill.tables(), sep="\n")
    if json_path is not None:
        json_path.write_bytes(orjson.dumps(bill.document(), option=orjson.OPT_INDENT_2))
    if plot is not None:
        plot.write_text(picture(bill, f"{spec.app}: the cost of lateness"), encoding="utf-8")


def _live(config_file: Path | None, examples: Path | None, *, features: bool) -> Pairs:
    from streams.study.relived import relive
    from streams.study.variants import variants

    config = load(config_file)
    values = of_file(examples) if examples is not None else of_topic(config)
    epochs, others = by_epoch(config.spec, values)
    if others:
        click.echo(f"{others} records are of another app or feature set, or broken.", err=True)
    click.echo(
        '"late by" means up to so much here: each example was late by a lag drawn at random.'
    )
    return relive(config.spec, epochs, variants(config.spec, (), features=features))


def _replayed(
    config_file: Path | None, data: Path, users: float, days: int, *, features: bool
) -> tuple[Spec, Pairs]:
    from streams.study.replayed import replayed
    from streams.study.variants import LAGS, variants
    from streams.study.worlds import SEEDS

    spec, make_log, seeds = the_log(config_file, data, users, days)
    log = make_log((seeds or SEEDS)[0])
    single = replace(spec, challengers=())
    return single, replayed(single, log, variants(single, LAGS, features=features))


def _threshold(spec: Spec, band: str | None) -> float:
    bounds = dict(spec.scoring.bands)
    if band is None:
        return max(bounds.values())
    if band not in bounds:
        raise click.BadParameter(f"{band!r}: bands are {', '.join(bounds)}", param_hint="--band")
    return bounds[band]


def _bill(pairs: Pairs, saved: float, threshold: float) -> Bill:
    from streams.study.bill import Bill

    return Bill(
        pairs.costs(threshold),
        rows=round(float(pairs.weight.sum())),
        churned=round(float(pairs.weight @ pairs.label)),
        days=pairs.days,
        monthly=pairs.monthly,
        saved=saved,
        threshold=threshold,
    )

"""``ebbline models diagnose``: data or features? Does it forget? Are its probabilities true?"""

from __future__ import annotations

from pathlib import Path

import click
import orjson
from kafka.errors import KafkaError
from rich.console import Console

from models.spec import Spec
from streams.champions.history import by_epoch, of_file, of_topic
from streams.cli.common import config_option, load, told
from streams.config import Config
from streams.topics.clients import KafkaUnreachable
from streams.topics.reading import TopicNotReadable


@click.command()
@config_option
@click.argument("name", required=False)
@click.option(
    "--examples",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read a file of the topic's records, one a line.  [default: the examples topic]",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the learning curves to this SVG file.",
)
@click.option("--by", "segment", help="Calibration by quarters of this feature's values, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def diagnose(
    config_file: Path | None,
    name: str | None,
    examples: Path | None,
    plot: Path | None,
    segment: str | None,
    as_json: bool,
) -> None:
    """Say what the model NAME lacks (default: that of [model]): data, features, or memory.

    Lives through all examples again, with an eighth, a quarter, a half and all of the users to
    learn from, predicting everybody's before learning them. It takes about twice as long as the
    trainer took for them, and changes nothing. Examples that hold wrong data, as far as that is
    known by now, are left out from the beginning.
    """
    # They learn, which takes two seconds to import.
    from models.learning.diagnosis import TooFewExamplesError
    from streams.champions.findings import Findings

    config = load(config_file)
    spec = _spec(config, name, segment)
    with told(KafkaUnreachable, TopicNotReadable, KafkaError, TooFewExamplesError):
        values = of_file(examples) if examples is not None else of_topic(config)
        epochs, others = by_epoch(spec, values)
        if others:
            click.echo(f"{others} records are of another app or feature set, or broken.", err=True)
        findings = Findings.of(spec, epochs, segment)
    if plot is not None:
        plot.write_text(findings.svg(), encoding="utf-8")
    if as_json:
        click.echo(orjson.dumps(findings.plain(), option=orjson.OPT_SERIALIZE_NUMPY))
    else:
        Console().print(*findings.tables(), sep="\n")


def _spec(config: Config, name: str | None, segment: str | None) -> Spec:
    names = [model.name for model in config.spec.models]
    if name is not None and name not in names:
        raise click.BadParameter(
            f"{config.path} has no model {name!r}; there are: {', '.join(names)}",
            param_hint="NAME",
        )
    features = [feature.name for feature in config.spec.features]
    if segment is not None and segment not in features:
        raise click.BadParameter(
            f"{config.path} has no feature {segment!r}; there are: {', '.join(features)}",
            param_hint="--by",
        )
    return config.spec.of_model(name or config.spec.model.name)

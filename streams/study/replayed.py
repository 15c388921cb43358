"""What lateness costs, from a log that is lived through again."""

from __future__ import annotations

from collections.abc import Sequence

from models.spec import Spec
from streams.replay import Replay, Trained
from streams.study.lateness import Lateness
from streams.study.logs import Log
from streams.study.pairs import Pairs
from streams.study.staleness import counting
from streams.study.truth import Truth
from streams.study.variants import Variant


def replayed(spec: Spec, log: Log, variants: Sequence[Variant]) -> Pairs:
    """Run the engine over the log as it is, and ask at every cut what lateness would change.

    Raises TooFewCuts.
    """
    lateness = Lateness(spec, variants, log.first * 1000)
    replay = Replay(spec, Trained(spec))
    replay.engine.desk.observer = lateness.scored
    replay.run(log.arriving({}))
    pairs = lateness.pairs(Truth(spec, log))
    return pairs.part(counting(log, spec, pairs.time))

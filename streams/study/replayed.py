"""What lateness costs, from a log that is lived through again."""

from __future__ import annotations

from collections.abc import Sequence

from models.spec import Spec
from streams.replay import Replay, Trained
from streams.study.lateness import Lateness
from streams.study.logs import Log
from streams.study.pairs import Pairs
from streams.study.running import every_cut
from streams.study.staleness import closing, counting
from streams.study.variants import Variant


def replayed(spec: Spec, log: Log, variants: Sequence[Variant]) -> Pairs:
    """Run the engine over the log as it is, and ask at every cut what lateness would change.

    Raises TooFewCuts.
    """
    whole = every_cut(spec)
    lateness = Lateness(whole, variants, log.first * 1000)
    replay = Replay(whole, Trained(spec), lateness.outputs)
    replay.engine.desk.observer = lateness.scored
    replay.run(log.arriving({}, closing(spec)))
    pairs = lateness.pairs()
    return pairs.part(counting(log, spec, pairs.time))

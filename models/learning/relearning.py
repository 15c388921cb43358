"""Learning again without wrong data: which examples it may be in, where a model may go back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from models.learning.touching import reach_of, touches
from models.spec import Spec
from schemas.examples import Example, LeftOut, ModelRequest
from schemas.snapshots import Manifest, Relearned


def asked_for(requests: Iterable[ModelRequest], epoch: int) -> Relearned | None:
    """What requests carried out at the end of an epoch ask to learn again; None: nothing."""
    found = [request for request in requests if request.before is not None]
    if not found:
        return None
    before = min(request.before for request in found if request.before is not None)
    left_out = dict.fromkeys(one for request in found for one in request.left_out)
    return Relearned(before, epoch, tuple(left_out))


def mark(
    spec: Spec, relearned: Sequence[Relearned], epoch: int, examples: Sequence[Example]
) -> Sequence[Example]:
    """Examples of an epoch, those that wrong data may be in marked as such.

    An example released before the fault was known tells no more than its times: whatever a window,
    or a value of the whole past, could have held counts, and a label decided meanwhile, too. What
    an example carries from before its cut, for learning policies, goes by itself.
    """
    left_out = [
        one for again in relearned if again.after < epoch <= again.through for one in again.left_out
    ]
    return [_marked(spec, left_out, example) for example in examples] if left_out else examples


def _marked(spec: Spec, left_out: Sequence[LeftOut], example: Example) -> Example:
    wrong = {one.source for one in left_out if _may_hold(spec, one, example)}
    if wrong:
        return replace(example, corrupt=sorted(wrong | set(example.corrupt)))
    return _without_lagged(spec, left_out, example)


def _without_lagged(spec: Spec, left_out: Sequence[LeftOut], example: Example) -> Example:
    """An example whose own windows are right, without what was read from earlier ones that are not.

    As of when each policy read is not written down, only that it was no earlier than the longest
    lag, or than the source that is furthest behind: where that may be wrong, the gate is not told.
    Values of the whole past are not asked about: they would have been wrong at the cut.
    """
    reach = {source.name: reach_of(spec, s) or 0 for s, source in enumerate(spec.sources)}

    def held(source: str, within: int, time: int) -> bool:
        return any(
            one.source == source and touches(within, time, one.begin, one.until) for one in left_out
        )

    lagged = {
        source: {
            lag: known
            for lag, known in by_lag.items()
            if not held(source, reach.get(source, 0), example.time - int(lag))
        }
        for source, by_lag in example.lagged.items()
    }
    back = max(
        [spec.longest_lag, *(example.time - time for time in example.as_of.values() if time)]
    )
    read = any(held(name, own + back, example.time) for name, own in reach.items() if own)
    return replace(example, lagged=lagged, experts={} if read else example.experts)


def _may_hold(spec: Spec, one: LeftOut, example: Example) -> bool:
    names = [source.name for source in spec.sources]
    if one.source not in names:
        return False
    reach = reach_of(spec, names.index(one.source))
    times = (example.time, example.as_of.get(one.source))
    if any(touches(reach, time, one.begin, one.until) for time in times):
        return True
    end = example.time + spec.labels.horizon
    return one.source in spec.labels.sources and touches(
        spec.labels.horizon, end, one.begin, one.until
    )


def bases(manifests: Iterable[Manifest], relearned: Sequence[Relearned]) -> list[Manifest]:
    """Announcements that a model may go back to, oldest first.

    relearned: those of the past and, last, the one at hand. What was learned between an earlier
    one's beginning and its end has been replaced.
    """
    wanted = relearned[-1]
    replaced = relearned[:-1]
    return sorted(
        (
            one
            for one in manifests
            if one.epoch <= wanted.after
            and not any(again.after < one.epoch < again.through for again in replaced)
        ),
        key=lambda one: one.epoch,
    )

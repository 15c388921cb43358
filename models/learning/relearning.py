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
    or a value of the whole past, could have held counts, and a label decided meanwhile, too.
    """
    left_out = [
        one for again in relearned if again.after < epoch <= again.through for one in again.left_out
    ]
    return [_marked(spec, left_out, example) for example in examples] if left_out else examples


def _marked(spec: Spec, left_out: Sequence[LeftOut], example: Example) -> Example:
    wrong = {one.source for one in left_out if _may_hold(spec, one, example)}
    if not wrong:
        return example
    return replace(example, corrupt=sorted(wrong | set(example.corrupt)))


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

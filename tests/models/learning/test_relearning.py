"""Learning again without wrong data gives the model that never saw them, bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from models.learning.contest import Contest
from models.learning.payload import unpack_head, unpack_tail
from models.learning.pickling import dump
from models.learning.relearning import asked_for, bases, mark
from models.learning.signing import sign, verify
from models.learning.touching import reach_of
from models.learning.trainer import EpochResult, Trainer
from models.spec import ModelSpec, PolicySpec, Spec
from schemas.codec import decode_example, decode_manifest, encode
from schemas.examples import Example, LeftOut, ModelRequest
from schemas.snapshots import Reign, Relearned

DAY = 86_400_000_000
Epochs = Callable[..., list[Example]]
WRONG = LeftOut("usage", 3 * DAY, 4 * DAY)
BACK = ModelRequest(
    "id", "test", "rollback", None, None, "", "2026-01-01T00:00:00Z", 4 * DAY, (WRONG,)
)


@pytest.fixture
def several(spec: Spec) -> Spec:
    """Windows alone, so that not everything after the fault is in doubt; three models."""
    features = tuple(f for f in spec.features if f.agg != "last_seen_age")
    return replace(
        spec,
        features=tuple(replace(f, window=2 * DAY) if f.window else f for f in features),
        labels=replace(spec.labels, sources=()),
        model=replace(spec.model, name="first"),
        challengers=(
            replace(spec.model, name="second", seed=2),
            ModelSpec("third", kind="boosted", prior=0.2),
        ),
    )


def history(spec: Spec, epoch_of: Epochs, days: Sequence[int]) -> dict[int, list[Example]]:
    """Epochs of examples; a third of each looks back into the fault."""
    return {
        day * DAY: [
            replace(e, time=(4 if n % 3 else 20) * DAY, as_of={"usage": None})
            for n, e in enumerate(epoch_of(spec, day * DAY, 18))
        ]
        for day in days
    }


def is_wrong(example: Example, back: int = 4) -> bool:
    return example.epoch > back * DAY and example.time == 4 * DAY


def life(spec: Spec, epochs: dict[int, list[Example]]) -> dict[int, dict[str, EpochResult]]:
    contest = Contest(spec)
    return {
        epoch: {r.manifest.name: r for r in contest.learn_epoch(epoch, examples, 0).results}
        for epoch, examples in epochs.items()
    }


def went_back(
    spec: Spec,
    epochs: dict[int, list[Example]],
    lived: dict[int, dict[str, EpochResult]],
    base: int | None,
    request: ModelRequest = BACK,
    past: tuple[Relearned, ...] = (),
) -> tuple[Contest, dict[str, EpochResult]]:
    """The contest that goes back to a day at the end of the last epoch, as the worker does it."""
    *before, newest = sorted(epochs)
    contest = Contest(spec, restored(spec, lived[before[-1]]))
    contest.reign = replace(contest.reign, relearned=past)
    again = asked_for([request], newest)
    assert again is not None
    contest.go_back({} if base is None else restored(spec, lived[base * DAY]), again)
    for epoch in before:
        contest.learn_again(epoch, epochs[epoch], 0)
    found = contest.learn_epoch(newest, epochs[newest], 0, [(9, request)])
    assert not found.refused
    return contest, {result.manifest.name: result for result in found.results}


def restored(spec: Spec, results: dict[str, EpochResult]) -> dict[str, Trainer]:
    return {
        name: Trainer.restore(
            spec.of_model(name), decode_manifest(encode(one.manifest)), one.payload
        )
        for name, one in results.items()
    }


def learned(result: EpochResult) -> bytes:
    assert result.payload is not None
    return dump(unpack_tail(result.payload))


@pytest.mark.parametrize(
    "base", [4, *(pytest.param(base, marks=pytest.mark.slow) for base in (2, None))]
)
def test_the_model_is_the_one_that_never_saw_the_fault(
    several: Spec, epoch_of: Epochs, base: int | None
) -> None:
    epochs = history(several, epoch_of, range(1, 8))
    lived = life(several, epochs)
    clean = {epoch: [e for e in examples if not is_wrong(e)] for epoch, examples in epochs.items()}
    never = life(several, clean)[7 * DAY]
    contest, found = went_back(several, epochs, lived, base)
    for name in ("first", "second", "third"):
        assert learned(found[name]) == learned(never[name])
        assert learned(found[name]) != learned(lived[7 * DAY][name])
        manifest, other = found[name].manifest, never[name].manifest
        assert (manifest.version, manifest.learned) == (7, other.learned)
        head, theirs = (unpack_head(r.payload or b"") for r in (found[name], never[name]))
        assert dump(replace(head, version=1)) == dump(replace(theirs, version=1))
    assert found["first"].metrics.dropped == {"corrupt": 12}
    assert contest.reign.relearned == (Relearned(4 * DAY, 7 * DAY, (WRONG,)),)
    assert contest.reign.version == 7
    more = epoch_of(several, 8 * DAY, 18)
    on = contest.learn_epoch(8 * DAY, more, 0).results
    resumed = Contest(several, restored(several, found)).learn_epoch(8 * DAY, more, 0).results
    assert [r.payload for r in on] == [r.payload for r in resumed]


def test_an_epoch_with_nothing_left_to_learn_is_published_too(
    several: Spec, epoch_of: Epochs
) -> None:
    epochs = history(several, epoch_of, range(1, 4))
    everything = {
        epoch: [replace(e, time=4 * DAY) for e in examples] for epoch, examples in epochs.items()
    }
    request = replace(BACK, before=0)
    _, found = went_back(several, everything, life(several, everything), None, request)
    for result in found.values():
        assert result.manifest.changed
        assert (result.manifest.version, result.manifest.learned) == (3, 0)
        trainer = restored(several, {result.manifest.name: result})[result.manifest.name]
        assert trainer.scorer.maturity == "prior"


def test_a_challenger_that_is_new_leaves_it_out_too(several: Spec, epoch_of: Epochs) -> None:
    epochs = history(several, epoch_of, range(1, 8))
    contest, found = went_back(several, epochs, life(several, epochs), 4)
    kept = restored(several, {name: found[name] for name in ("first", "second")})
    later = Contest(several, kept)
    assert later.reign == contest.reign
    results = [later.learn_epoch(epoch, examples, 0).results for epoch, examples in epochs.items()]
    assert learned(results[-1][0]) == learned(found["third"])


def test_what_was_replaced_is_nothing_to_go_back_to(several: Spec, epoch_of: Epochs) -> None:
    manifests = [
        results["first"].manifest
        for results in life(several, history(several, epoch_of, range(1, 8))).values()
    ]
    once, twice = Relearned(2 * DAY, 5 * DAY, ()), Relearned(4 * DAY, 9 * DAY, ())
    assert [m.epoch // DAY for m in bases(manifests, [twice])] == [1, 2, 3, 4]
    assert [m.epoch // DAY for m in bases(manifests, [once, twice])] == [1, 2]
    later = replace(twice, after=6 * DAY)
    assert [m.epoch // DAY for m in bases(manifests, [once, later])] == [1, 2, 5, 6]


def test_a_promotion_by_evidence_since_then_is_undone(several: Spec, epoch_of: Epochs) -> None:
    epochs = history(several, epoch_of, range(1, 8))
    lived = life(several, epochs)
    crowned = Reign("second", 6, since=6 * DAY, by="evidence", before="first")
    first = lived[6 * DAY]["first"]
    lived[6 * DAY]["first"] = replace(first, manifest=replace(first.manifest, reign=crowned))
    contest, _ = went_back(several, epochs, lived, 4)
    assert (contest.reign.name, contest.reign.by, contest.reign.held) == ("first", "request", False)


def test_values_of_the_whole_past_are_in_doubt_until_it_was_known(
    spec: Spec, epoch_of: Epochs
) -> None:
    assert reach_of(spec, 0) is None
    again = Relearned(4 * DAY, 7 * DAY, (WRONG,))
    example = replace(epoch_of(spec, 6 * DAY, 1)[0], time=300 * DAY, as_of={"usage": 300 * DAY})
    assert mark(spec, [again], 6 * DAY, [example])[0].corrupt == ["usage"]
    assert mark(spec, [again], 8 * DAY, [example])[0].corrupt == []
    early = replace(example, time=3 * DAY - 28 * DAY, as_of={"usage": 2 * DAY})
    assert mark(spec, [again], 6 * DAY, [early])[0].corrupt == []
    labelled = replace(early, time=3 * DAY - 27 * DAY)
    assert mark(spec, [again], 6 * DAY, [labelled])[0].corrupt == ["usage"]


def carrying(spec: Spec, epoch_of: Epochs, day: int, *, wrong: float = 1.0) -> list[Example]:
    """Examples in the clear of the fault, which carry a window that lies in it, times ``wrong``."""
    return [
        replace(
            e,
            time=20 * DAY,
            as_of={"usage": 19 * DAY},
            complete_as_of={"usage": 20 * DAY},
            ages={"usage": 2 * DAY} if n % 2 else {},
            health={"usage": "stalled" if n % 2 else "fresh"},
            experts={"latest": 0.2, "degrade": min(0.1 * wrong, 0.9)} if n % 2 else {},
            paired=(lag, 28 * DAY),
            lagged={
                "usage": {
                    str(lag): {name: wrong * value for name, value in e.complete.items()},
                    str(DAY): e.complete,
                }
            },
        )
        for n, e in enumerate(epoch_of(spec, day * DAY, 60))
        for lag in (16 * DAY,)
    ]


def test_what_it_carries_from_before_its_cut_is_not_learned_where_it_was_wrong(
    several: Spec, epoch_of: Epochs
) -> None:
    spec = replace(several, policy=PolicySpec("learned"))
    again = [Relearned(4 * DAY, 30 * DAY, (WRONG,))]

    def life(wrong: float, left_out: Sequence[Relearned]) -> bytes:
        trainer, results = Trainer(spec), []
        for day in (22, 23, 24):
            examples = mark(spec, left_out, day * DAY, carrying(spec, epoch_of, day, wrong=wrong))
            assert not any(example.corrupt for example in examples)
            results.append(trainer.learn_epoch(day * DAY, examples, 0))
        return learned(results[-1])

    assert life(100.0, again) == life(1.0, again)
    assert life(100.0, []) != life(1.0, [])


def test_what_it_carries_from_before_its_cut_is_kept_where_it_was_right(
    several: Spec, epoch_of: Epochs
) -> None:
    spec = replace(several, policy=PolicySpec("learned"))
    stale = carrying(spec, epoch_of, 22)[1]

    def kept(left_out: LeftOut) -> tuple[list[str], bool]:
        (found,) = mark(spec, [Relearned(4 * DAY, 30 * DAY, (left_out,))], 22 * DAY, [stale])
        return [str(int(lag) // DAY) for lag in found.lagged["usage"]], bool(found.experts)

    assert kept(WRONG) == (["1"], False)
    assert kept(LeftOut("usage", 4 * DAY, 5 * DAY)) == (["16", "1"], False)
    assert kept(LeftOut("usage", 20 * DAY, 21 * DAY)) == (["16", "1"], True)
    assert kept(LeftOut("another", 3 * DAY, 4 * DAY)) == (["16", "1"], True)
    far = 20 * DAY - spec.longest_lag - (reach_of(spec, 0) or 0)
    assert kept(LeftOut("usage", far - DAY, far)) == (["16", "1"], True)
    assert kept(LeftOut("usage", far - DAY, far + 1)) == (["16", "1"], False)


def test_requests_and_reigns_survive_their_records(several: Spec, epoch_of: Epochs) -> None:
    assert decode_example(encode(BACK)) == BACK
    epochs = history(several, epoch_of, range(1, 6))
    contest, found = went_back(several, epochs, life(several, epochs), 4)
    signed = sign(found["first"].manifest, b"key")
    read = decode_manifest(encode(signed))
    verify(read, b"key")
    assert read.reign == contest.reign

"""Every kind is made from the configuration, survives any value, and starts at the prior."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from models.learning.factory import KINDS, ModelSpecError, make_model
from models.learning.mixture import Mixture
from models.learning.replay_logistic import ReplayLogistic
from models.spec import MemberSpec, ModelSpec, Spec
from tests.models.learning.kinds import EVERY_KIND


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_bad_values_never_reach_a_model(kind: str, spec: Spec) -> None:
    clean, dirty = (make_model(ModelSpec(kind=kind), spec.features) for _ in range(2))
    rng = np.random.default_rng(0)
    bad = [None, math.nan, math.inf, -math.inf]
    for i in range(300):
        positive = i % 4 == 0
        x = {"clicks_7d": float(rng.poisson(2 if positive else 9)), "weekday": float(i % 7)}
        clean.learn_one(x, positive)
        dirty.learn_one(x | {"score": bad[i % 4]}, positive)
    for clicks in (0.0, 5.0, 1e30):
        x = {"clicks_7d": clicks, "weekday": 2.0}
        p, q = (m.predict_proba_one(x)[True] for m in (clean, dirty))
        assert p == pytest.approx(q)
        assert dirty.predict_proba_one(x | {"recency": math.nan, "score": None})[True] == q
        assert 0.0 < p < 1.0


@pytest.mark.parametrize(
    ("kind", "params"),
    [pytest.param(*one.values, (), marks=one.marks) for one in EVERY_KIND]
    + [
        (kind, (("leaf_prediction", leaves),))
        for kind in ("hat", "arf")
        for leaves in ("nb", "nba")
    ],
)
def test_absurd_values_stop_no_model(kind: str, params: tuple[tuple[str, str]], spec: Spec) -> None:
    model = make_model(ModelSpec(kind=kind, params=params), spec.features)
    rng = np.random.default_rng(2)
    for i in range(500):
        x = {"clicks_7d": float(rng.normal()), "score": float(rng.normal())}
        if i % 100 > 97:
            x["clicks_7d"] = float(rng.choice([1e160, 1e300, -1.7e308, 5e-324]))
        model.learn_one(x, bool(rng.random() < 0.4))
    for clicks in (0.1, 1e160, -1e300, 1.7e308):
        assert 0.0 < model.predict_proba_one({"clicks_7d": clicks, "score": 0.0})[True] < 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_begins_at_the_prior_and_stays_calm(kind: str, spec: Spec) -> None:
    model = make_model(ModelSpec(kind=kind, prior=0.03), spec.features)
    wild = [{"clicks_7d": c, "recency": r} for c in (0.0, 1e12) for r in (0.0, 1e12)]
    assert [model.predict_proba_one(x)[True] for x in wild] == pytest.approx([0.03] * 4)
    for i in range(12):
        model.learn_one({"clicks_7d": 1e9 * (i % 3), "recency": 5.0}, i % 3 == 0)
    assert all(0.01 < model.predict_proba_one(x)[True] < 0.2 for x in wild)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_learns_with_weights(kind: str, spec: Spec) -> None:
    model = make_model(ModelSpec(kind=kind, prior=0.5), spec.features)
    rng = np.random.default_rng(1)
    for _ in range(700):
        positive = bool(rng.random() < 0.5)
        x = {"clicks_7d": float(rng.poisson(2 if positive else 9))}
        model.learn_one(x, positive, w=2.0 if positive else 1.0)
    busy, idle = (model.predict_proba_one({"clicks_7d": c})[True] for c in (12.0, 1.0))
    assert busy < 0.4 < 0.7 < idle


def test_params_go_to_the_estimator(spec_of: Callable[..., Spec]) -> None:
    spec = spec_of("logistic", capacity=99, seed=5)
    model = make_model(spec.model, spec.features)
    assert isinstance(model, ReplayLogistic)
    assert (model.capacity, model.seed, model.prior) == (99, 5, 0.2)
    assert model.raw == ("weekday",)
    hat = make_model(ModelSpec(kind="hat", params=(("grace_period", 50),)), spec.features)
    assert "grace_period=50" in repr(hat)


def test_a_mixture_has_the_members_it_is_told(spec: Spec) -> None:
    members = (
        MemberSpec("logistic", (("replay", 2),)),
        MemberSpec("hat"),
        MemberSpec("river.naive_bayes:GaussianNB"),
    )
    model = make_model(ModelSpec("m", "mixture", 0.02, 5, (("eta", 0.5),), members), spec.features)
    assert isinstance(model, Mixture)
    linear, tree, imported = model.members
    assert isinstance(linear, ReplayLogistic)
    assert (linear.replay, linear.seed, linear.prior, model.eta) == (2, 5, 0.02, 0.5)
    assert "HoeffdingAdaptiveTree" in repr(tree)
    assert "GaussianNB" in repr(imported)
    model.learn_one({"clicks_7d": math.nan, "weekday": 2.0}, True)
    assert 0.02 < model.predict_proba_one({"clicks_7d": 1.0})[True] < 0.1


def test_what_cannot_be_made_is_said_with_a_remedy(spec: Spec) -> None:
    with pytest.raises(ModelSpecError, match="did you mean 'logistic'"):
        make_model(ModelSpec(kind="logistc"), spec.features)
    with pytest.raises(ModelSpecError, match="depth"):
        make_model(ModelSpec(kind="logistic", params=(("depth", 3),)), spec.features)
    for kind, remedy in {
        "river.nothing:Here": "package.module:Class",
        "river.tree:NoTree": "package.module:Class",
        "river.preprocessing:StandardScaler": "StandardScaler, no River classifier",
    }.items():
        with pytest.raises(ModelSpecError, match=remedy):
            make_model(ModelSpec(kind=kind), spec.features)
    with pytest.raises(ModelSpecError, match="only a mixture has"):
        make_model(ModelSpec(kind="hat", members=(MemberSpec("arf"),)), spec.features)

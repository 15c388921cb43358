"""A linear model of which some features are masked, or believed to be this or that.

A feature's term is then not a number but has a mean and a variance; those of the features are
taken as independent, so the logit is about N(μ, v), and P(churn) the mean of the sigmoid over it:

    E σ(N(μ, v)) ≈ σ(κ μ),     κ = 1 / √(1 + π v / 8)

the moderated output of D. MacKay, The evidence framework applied to classification networks,
Neural Computation 4 (1992).

The term of a feature is ``w z + known`` where its value exists (z standardised), ``unknown`` where
not. Over the examples learned z is about N(0, 1), and the mean term is 0, so the feature was absent
in the share a with ``(1 - a) known + a unknown = 0``. That is what a masked one has (``degrade``).

A belief N(m, s²) about z against a prior N(m0, s0²) moves it as it moves a tree's training weight
(``compiled.cells``): the model's own N(0, 1) times N(m, s²) / N(m0, s0²), which is normal:

    D = 1 + s² - s²/s0²,     mean (m - m0 s²/s0²) / D,     variance s² / D

So a belief without variance is the value it names, and one equal to the prior leaves N(0, 1). The
odds of being absent are a's, times the belief's, divided by the prior's. The mean is cut to
``±limit`` as values are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.learning.numerics import Bools, Floats, signed_log1p
from models.staleness.belief import Degrade, Indices, Soft

if TYPE_CHECKING:
    from models.learning.linear import LinearForm

_LEAST = 1e-9
"""Of a chance of being absent, and of not being, so that odds have no 0."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Mean and variance of what features add to the logit, shape (f,) or (n, c)."""

    mean: Floats
    variance: Floats


def moderated(logits: Floats, variances: Floats) -> Floats:
    """``κ μ``, shape (n,): the logit itself where it has no variance."""
    return logits / np.sqrt(1.0 + (math.pi / 8.0) * variances)


def usual_terms(form: LinearForm, how: Degrade) -> Terms:
    """Terms (f,) over the examples learned; ``most_common``: what is usual, without variance."""
    absent = _absent(form)
    if how == "average":
        return _terms(form.weights, form.known, form.unknown, absent, 0.0, 1.0)
    return Terms(np.where(absent > 0.5, form.unknown, form.known), np.zeros_like(absent))


def believed_terms(form: LinearForm, soft: Soft, columns: Indices) -> Terms:
    """Terms (n, c) of some features under beliefs about these."""
    weights, known, unknown = (
        part[columns][:, None] for part in (form.weights, form.known, form.unknown)
    )
    mean, spread, prior_mean, prior_spread = _standardised(form, soft, columns)
    narrower = (spread / prior_spread) ** 2
    divisor = spread**2 + (1.0 - narrower)
    own = np.clip((mean - prior_mean * narrower) / divisor, -form.limit, form.limit)
    absent = _absent(form)[columns][:, None]
    more = absent * (_odds(soft.absent) / _odds(soft.prior_absent))
    absent = more / (more + (1.0 - absent))
    terms = _terms(weights, known, unknown, absent, own, spread**2 / divisor)
    return Terms(terms.mean.T, terms.variance.T)


def _terms(
    weights: Floats,
    known: Floats,
    unknown: Floats,
    absent: Floats,
    mean: Floats | float,
    variance: Floats | float,
) -> Terms:
    present, apart = 1.0 - absent, weights * mean + known - unknown
    return Terms(
        present * (weights * mean + known) + absent * unknown,
        present * weights**2 * variance + absent * present * apart**2,
    )


def _absent(form: LinearForm) -> Floats:
    """Share of the examples learned that lacked each feature (f,); 0 if that did not matter."""
    apart = form.known - form.unknown
    return np.divide(form.known, apart, out=np.zeros_like(apart), where=apart != 0.0)


def _odds(chance: Floats) -> Floats:
    return (chance + _LEAST) / (1.0 - chance + _LEAST)


def _standardised(
    form: LinearForm, soft: Soft, columns: Indices
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean and spread of belief (c, n) and prior (c, 1), as the model standardises values."""
    scales = soft.logged[:, None], form.logged[columns][:, None]
    mean, spread = _rescaled(soft.mean, soft.spread, *scales)
    prior_mean, prior_spread = _rescaled(soft.prior_mean, soft.prior_spread, *scales)
    centre, unit = form.mean[columns][:, None], form.scale[columns][:, None]
    narrow = np.minimum(spread, prior_spread) / unit
    return (mean - centre) / unit, narrow, (prior_mean - centre) / unit, prior_spread / unit


def _rescaled(mean: Floats, spread: Floats, logs: Bools, wanted: Bools) -> tuple[Floats, Floats]:
    """Take beliefs from their scale to the model's, spreads by the slope at the mean."""
    if (logs == wanted).all():
        return mean, spread
    plain = np.where(logs, np.copysign(np.expm1(np.abs(mean)), mean), mean)
    slope = np.where(logs == wanted, 1.0, np.where(wanted, 1.0 / (1.0 + np.abs(plain)), 1.0))
    slope = np.where(logs & ~wanted, 1.0 + np.abs(plain), slope)
    moved = np.where(wanted, signed_log1p(plain), plain)
    return np.where(logs == wanted, mean, moved), spread * slope

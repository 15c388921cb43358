"""What is believed about features whose sources are stale: a normal for each, against a prior.

A belief is not the feature's value but how likely each value is now. Models that split it over
their branches (``models.learning.compiled``) hold it against the prior, which is what would be
believed of anyone: what the belief says no better than the prior changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.learning.numerics import Bools, Floats, signed_log1p

Degrade = Literal["average", "most_common"]
"""How a model leaves out what is masked: all ways by their training weight, or the heaviest."""

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Belief:
    """Beliefs about n rows of f features, where ``uncertain``; elsewhere the matrix says it.

    The value of feature j, on the feature's scale T (the signed log1p where ``logged``, else the
    value itself), is N(T(mean), variance) where it exists; it does not (is NaN) with the chance
    ``absent``. Centres are given as plain values, so that one of variance 0 goes in as it is.

    - variance 0: the value is ``mean``, missing as data where that is NaN (``absent`` is not
      looked at): the policy ``latest``.
    - nothing is believed where mean is NaN and variance is not 0, or where variance is NaN or
      infinite: the prior holds, the policy ``degrade``.
    - a belief wider than the prior counts as as wide as the prior.

    uncertain: bool[n, f]. mean, variance: float64[n, f]. prior_mean, prior_variance: float64[f],
    the same about anyone. logged: bool[f]; None: no feature. absent: float64[n, f], prior_absent:
    float64[f], in [0, 1]; None: 0.
    """

    uncertain: Bools
    mean: Floats
    variance: Floats
    prior_mean: Floats
    prior_variance: Floats
    logged: Bools | None = None
    absent: Floats | None = None
    prior_absent: Floats | None = None

    def rows(self, rows: Indices | slice) -> Belief:
        """Take some of the rows."""
        return replace(
            self,
            uncertain=self.uncertain[rows],
            mean=self.mean[rows],
            variance=self.variance[rows],
            absent=None if self.absent is None else self.absent[rows],
        )

    def known(self, matrix: Floats) -> Floats:
        """Matrix (n, f) with the beliefs' means where uncertain."""
        return np.where(self.uncertain, self.mean, matrix)

    @property
    def unsure(self) -> Bools:
        """Where more than one value is believed possible, shape (n, f)."""
        unsure: Bools = self.uncertain & (self.variance != 0.0) & (self.prior_variance > 0.0)
        return unsure

    def soft(self, columns: Indices) -> Soft:
        """Beliefs about some of the columns, as models use them."""
        mean, variance = self.mean[:, columns].T, self.variance[:, columns].T
        prior_variance = self.prior_variance[columns][:, None]
        logged = np.zeros(len(columns), dtype=bool)
        if self.logged is not None:
            logged = self.logged[columns]
        prior = on_scale(self.prior_mean[columns][:, None], logged)
        nothing = ~(np.isfinite(mean) & np.isfinite(variance))
        prior_absent = np.zeros((len(columns), 1))
        if self.prior_absent is not None:
            prior_absent = self.prior_absent[columns][:, None]
        absent = np.zeros_like(mean) if self.absent is None else self.absent[:, columns].T
        return Soft(
            logged=logged,
            mean=np.where(nothing, prior, on_scale(np.ascontiguousarray(mean), logged)),
            spread=np.sqrt(np.where(nothing, prior_variance, np.minimum(variance, prior_variance))),
            absent=np.where(nothing, prior_absent, absent),
            prior_mean=prior,
            prior_spread=np.sqrt(prior_variance),
            prior_absent=prior_absent,
        )


@dataclass(frozen=True, slots=True)
class Soft:
    """Beliefs about c features of n rows, all on the features' scales T.

    logged: bool[c]. mean, spread (standard deviations), absent: float64[c, n]. prior_mean,
    prior_spread, prior_absent: float64[c, 1].
    """

    logged: Bools
    mean: Floats
    spread: Floats
    absent: Floats
    prior_mean: Floats
    prior_spread: Floats
    prior_absent: Floats

    def rows(self, rows: slice) -> Soft:
        """Beliefs about some of the rows."""
        return replace(
            self, mean=self.mean[:, rows], spread=self.spread[:, rows], absent=self.absent[:, rows]
        )


def on_scale(values: Floats, logged: Bools) -> Floats:
    """Signed log1p of the rows of values (c, n) that are ``logged`` (c,)."""
    if not logged.any():
        return values
    return np.where(logged[:, None], signed_log1p(values), values)

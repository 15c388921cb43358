"""Beliefs about a stale source's features now, learned when late data completes an example.

For each source and bucket of age one linear regression with a Gaussian prior, of the change since
the source was last seen on what is known: the stale features themselves (the longer windows are
the user's own level), the features of the other sources, the age. It learns from pairs (what was
known, what it was): of examples scored while the source was stale and completed later, and, before
anything was ever late, of complete examples whose source is read some time before the cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.learning.numerics import Bools, Floats, signed_log1p
from models.staleness.belief import Belief

LEAST_PAIRS = 50
"""Pairs before a regression is believed."""
_SCALED_FROM = 30
_RIDGE = 10.0
_PRIOR_PAIRS = 10.0
_PRIOR_VARIANCE = 0.25
_FARTHEST = 8.0

Key = tuple[str, int]
"""A source and a bucket of its age."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How features are standardised: ``(T(x) - mean) / spread``, T the signed log1p if logged.

    All of shape (f,). It is set once, from the first examples, so that sums over what was
    standardised by it stay comparable.
    """

    mean: Floats
    spread: Floats
    logged: Bools

    @classmethod
    def of(cls, matrix: Floats, logged: Bools) -> Scale:
        """From rows (n, f), NaN where a value is not known."""
        on_scale = np.where(logged, signed_log1p(matrix), matrix)
        known = np.isfinite(on_scale)
        n = np.maximum(known.sum(axis=0), 1)
        values = np.where(known, on_scale, 0.0)
        mean = values.sum(axis=0) / n
        variance = (np.where(known, on_scale - mean, 0.0) ** 2).sum(axis=0) / n
        return cls(mean, np.where(variance > 1e-12, np.sqrt(variance), 1.0), logged)

    def apply(self, matrix: Floats) -> Floats:
        """Standardise rows (n, f), cut to ±8; NaN stays."""
        on_scale = np.where(self.logged, signed_log1p(matrix), matrix)
        return np.clip((on_scale - self.mean) / self.spread, -_FARTHEST, _FARTHEST)

    def undo(self, values: Floats, columns: Sequence[int]) -> Floats:
        """Plain values of some of the columns (n, c)."""
        chosen = list(columns)
        on_scale = values * self.spread[chosen] + self.mean[chosen]
        raised = np.copysign(np.expm1(np.abs(on_scale)), on_scale)
        return np.where(self.logged[chosen], raised, on_scale)


@dataclass(frozen=True, slots=True)
class Line:
    """A regression as it is: ``change = inputs @ slope``, with its uncertainty.

    slope: (d, c). inverse: (d, d), A^-1. variance: (c,), of the residuals. absent: (2, c), chance
    that a feature has no value now, where it had one (0) and where it had none (1). bound: the age
    that counts as 1. columns: the c columns of the matrix that it is about.
    """

    slope: Floats
    inverse: Floats
    variance: Floats
    absent: Floats
    bound: float
    columns: tuple[int, ...]

    def predict(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the change, (n, c); summed input after input, whatever the batch."""
        n = len(inputs)
        mean, along = np.zeros((n, self.slope.shape[1])), np.zeros((n, len(self.slope)))
        for i, column in enumerate(inputs.T):
            mean += column[:, None] * self.slope[i]
            along += column[:, None] * self.inverse[i]
        leverage = np.zeros(n)
        for i, column in enumerate(inputs.T):
            leverage += column * along[:, i]
        return mean, self.variance * (1.0 + np.maximum(leverage, 0.0))[:, None]


class Regression:
    """Recursive least squares with a Gaussian prior, several targets with the same inputs.

        A = λ I + Σ x xᵀ,   C = Σ x yᵀ,   slope = A^-1 C

    A target that is not known counts as what was predicted. The residuals' variance is the
    conjugate posterior's, ``(v n0 + Σ y² - slopeᵀ C) / (n0 + n)``, with a prior of n0 = 10 pairs of
    variance v = .25 (in units of the feature's spread); a prediction's is that times ``1 + xᵀ A^-1
    x``. Whether a feature has a value at
    all is counted, beside one pair in which that has not changed.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, Springer 2006, 3.3. A. Gelman et al.,
    Bayesian Data Analysis, 3rd edition, CRC 2013, 14.2 and 14.8.

    """

    def __init__(self, inputs: int, columns: tuple[int, ...], bound: float) -> None:
        self.columns = columns
        self.bound = bound
        self.pairs = 0
        self._a = _RIDGE * np.eye(inputs)
        self._c = np.zeros((inputs, len(columns)))
        self._squares = np.zeros(len(columns))
        self._counts = np.zeros(len(columns))
        self._absent = np.array([[0.0, 1.0], [1.0, 1.0]])[:, :, None] * np.ones(len(columns))
        self._line: Line | None = None

    def learn(self, inputs: Floats, before: Floats, after: Floats) -> None:
        """Take in pairs: inputs (n, d), features before and after (n, c), NaN where not known."""
        line, changes = self.line(), after - before
        for had, rows in enumerate((np.isfinite(before), np.isnan(before))):
            self._absent[had, 0] += (rows & np.isnan(after)).sum(axis=0)
            self._absent[had, 1] += rows.sum(axis=0)
        known = np.isfinite(changes)
        changes = np.where(known, changes, line.predict(inputs)[0])
        self._squares += (changes * changes).sum(axis=0)
        self._counts += known.sum(axis=0)
        self._a += np.einsum("ni,nj->ij", inputs, inputs)
        self._c += np.einsum("ni,nj->ij", inputs, changes)
        self.pairs += len(inputs)
        self._line = None

    def line(self) -> Line:
        """The regression as it is."""
        if self._line is None:
            inverse: Floats = np.linalg.inv(self._a).astype(np.float64, copy=False)
            slope = np.einsum("ij,jk->ik", inverse, self._c)
            rest = np.maximum(self._squares - (slope * self._c).sum(axis=0), 0.0)
            variance = (_PRIOR_VARIANCE * _PRIOR_PAIRS + rest) / (_PRIOR_PAIRS + self._counts)
            absent = self._absent[:, 0] / self._absent[:, 1]
            self._line = Line(slope, inverse, variance, absent, self.bound, self.columns)
        return self._line


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What a snapshot carries: the regressions, by source and bucket, and what anyone's is like.

    mean, variance: (f,), of the standardised features of examples whose source was known up to the
    cut (0 and 1 while there are none: those of the scale). absent: (f,), share of them without a
    value.
    """

    scale: Scale
    lines: Mapping[Key, Line]
    mean: Floats
    variance: Floats
    absent: Floats

    def line_for(self, source: str, age: int) -> Line | None:
        """The regression for an age: its bucket's own, else of the oldest; None: there is none."""
        own = self.lines.get((source, age))
        if own is not None or age:
            return own
        oldest = max((key[1] for key in self.lines if key[0] == source), default=0)
        return self.lines.get((source, oldest))

    def nothing(self, matrix: Floats) -> Belief:
        """A belief that is certain of everything, to be filled in."""
        every = range(matrix.shape[1])
        prior = self.scale.undo(self.mean[None], every)[0]
        return Belief(
            uncertain=np.zeros(matrix.shape, dtype=np.bool_),
            mean=matrix.copy(),
            variance=np.zeros(matrix.shape),
            prior_mean=prior,
            prior_variance=self.variance * self.scale.spread**2,
            logged=self.scale.logged,
            absent=np.zeros(matrix.shape),
            prior_absent=self.absent,
        )

    def fill(self, belief: Belief, matrix: Floats, rows: Bools, line: Line, stale: Floats) -> None:
        """Write beliefs about a source's features of some rows into ``belief``.

        rows: bool[n]. stale: float64[n], staleness in µs. Of what had no value then only the chance
        is known that it has one now; which one is what it is of anyone.
        """
        chosen, columns = np.flatnonzero(rows), list(line.columns)
        known = self.scale.apply(matrix[chosen])
        change, variance = line.predict(inputs_of(known, stale[chosen] / line.bound))
        place = np.ix_(chosen, np.array(columns, dtype=np.intp))
        before = known[:, columns]
        had = np.isfinite(before)
        moved = self.scale.undo(before + change, columns) - self.scale.undo(before, columns)
        variance = np.where(had, variance, self.variance[columns])
        belief.uncertain[place] = True
        belief.mean[place] = np.where(had, matrix[place] + moved, belief.prior_mean[columns])
        belief.variance[place] = variance * self.scale.spread[columns] ** 2
        assert belief.absent is not None
        belief.absent[place] = np.where(had, line.absent[0], line.absent[1])

    def forget(self, belief: Belief, rows: Bools, columns: Sequence[int]) -> None:
        """Believe of some rows' features what is believed of anyone (``degrade``)."""
        chosen = np.array(columns, dtype=np.intp)
        place = np.ix_(np.flatnonzero(rows), chosen)
        belief.uncertain[place] = True
        belief.mean[place] = belief.prior_mean[chosen]
        belief.variance[place] = belief.prior_variance[chosen]
        assert belief.absent is not None
        belief.absent[place] = self.absent[chosen]


def inputs_of(known: Floats, age: Floats) -> Floats:
    """Inputs (n, 2 + f) of a regression: 1, the age, what is known (unknown: the mean)."""
    values = np.where(np.isfinite(known), known, 0.0)
    age = np.clip(age, 0.0, 4.0)
    return np.column_stack((np.ones(len(known)), age, values))


class Nowcast:
    """Learns the beliefs, pairs of all sources as they come.

    Parameters
    ----------
    logged
        Which features are on a logarithmic scale, shape (f,).

    """

    def __init__(self, logged: Bools) -> None:
        self._logged = logged
        self._first: tuple[Floats, Bools] | None = (
            np.empty((0, len(logged))),
            np.empty((0, len(logged)), dtype=np.bool_),
        )
        self._scale: Scale | None = None
        self._regressions: dict[Key, Regression] = {}
        self._rows = np.zeros(len(logged))
        self._count = np.zeros(len(logged))
        self._mean = np.zeros(len(logged))
        self._squares = np.zeros(len(logged))

    def see(self, complete: Floats, reached: Bools) -> None:
        """Learn what features are like, from vectors as complete as they have become, (n, f).

        reached: bool[n, f], features of sources that are known up to the cut. Only those say what
        anyone's are like now. The scale is found from all: the others are inputs, too.
        """
        if self._scale is None:
            assert self._first is not None
            before, known_before = self._first
            complete = np.concatenate((before, complete))
            reached = np.concatenate((known_before, reached))
            self._first = complete, reached
            if len(complete) < _SCALED_FROM:
                return
            self._scale, self._first = Scale.of(complete, self._logged), None
        values = self._scale.apply(complete)
        known = np.isfinite(values) & reached
        fresh = known.sum(axis=0)
        total = self._count + fresh
        shift = np.where(known, values - self._mean, 0.0)
        mean = self._mean + shift.sum(axis=0) / np.maximum(total, 1.0)
        self._squares += np.where(known, (values - self._mean) * (values - mean), 0.0).sum(axis=0)
        self._count, self._mean = total, mean
        self._rows = self._rows + reached.sum(axis=0)

    def learn(
        self, key: Key, columns: tuple[int, ...], known: Floats, now: Floats, stale: Floats
    ) -> None:
        """Learn pairs of a source and bucket: vectors as known, and complete (n, f).

        columns: of the source's features. stale: staleness of each, in µs.
        """
        if self._scale is None or not len(known) or not columns:
            return
        bound = float(key[1] or stale.max())
        size = 2 + known.shape[1]
        regression = self._regressions.setdefault(key, Regression(size, columns, bound))
        chosen = list(columns)
        before, after = self._scale.apply(known), self._scale.apply(now)
        inputs = inputs_of(before, stale / regression.bound)
        regression.learn(inputs, before[:, chosen], after[:, chosen])

    def freeze(self) -> Beliefs | None:
        """What is believed; None before there is a scale."""
        if self._scale is None:
            return None
        lines = {
            key: regression.line()
            for key, regression in self._regressions.items()
            if regression.pairs >= LEAST_PAIRS
        }
        n = np.maximum(self._count, 1.0)
        variance = np.where(self._count > 1, self._squares / n, 1.0)
        absent = np.where(self._rows > 0, 1.0 - self._count / np.maximum(self._rows, 1.0), 0.0)
        return Beliefs(self._scale, lines, self._mean, np.maximum(variance, 1e-9), absent)

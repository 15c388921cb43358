"""What the model says about stale rows where their sources follow given policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.engine.looking import NO_MODEL, StaleRows
from models.grid import Bool, Float, Int
from models.learning.compiled.mixture import Form
from models.learning.scorer import Scorer
from models.learning.told_policies import columns_of
from models.spec import Spec
from models.staleness.belief import Belief, Degrade
from models.staleness.nowcast import Beliefs
from models.staleness.policy import DEGRADE, LAG_TRAINED, LATEST, NOWCAST


class _Model(Protocol):
    """What can be asked: the scorer, or a model with a lag."""

    def predict(self, matrix: Float) -> Float: ...

    def marginal(self, matrix: Float, masked: Bool, how: Degrade = "average") -> Float: ...

    def expected(self, matrix: Float, belief: Belief) -> Float: ...


@dataclass(frozen=True, slots=True)
class _WithLag:
    """A model with a lag, asked as scorers are."""

    form: Form

    def predict(self, matrix: Float) -> Float:
        return self.form.probabilities(matrix)

    def marginal(self, matrix: Float, masked: Bool, how: Degrade = "average") -> Float:
        return self.form.marginal(matrix, masked, how)

    def expected(self, matrix: Float, belief: Belief) -> Float:
        return self.form.expected(matrix, belief)


class Opinions:
    """Asks the model about the stale rows of a look.

    latest: float64[m], what it says of them as ``latest`` reads them.
    """

    def __init__(self, spec: Spec, stale: StaleRows, scorer: Scorer, latest: Float) -> None:
        self._spec, self._stale, self._scorer, self._latest = spec, stale, scorer, latest
        self._columns = [list(columns) for columns in columns_of(spec).values()]

    def of(self, policy: int, follows: Int) -> Float:
        """P(churn), float64[m]; NaN where nothing can be said (yet).

        policy: whose variant of the rows is read. follows: int64[m, sources], what each follows.
        """
        if self._scorer.version == 0 or not (follows != LATEST).any():
            known = (follows == LATEST).all(axis=1)
            return np.where(known, self._latest, np.nan)
        variant = self._stale.variants[policy]
        found = np.full(len(follows), np.nan)
        lagged = (follows == LAG_TRAINED).any(axis=1)
        model_of = np.where(lagged, variant.lag_model, NO_MODEL)
        self._ask(self._scorer, variant.matrix, follows, ~lagged, found)
        for number in np.unique(model_of[model_of != NO_MODEL]).tolist():
            assert self._scorer.policies is not None
            form = self._scorer.policies.lagged[number].form
            if form is not None:
                self._ask(_WithLag(form), variant.matrix, follows, model_of == number, found)
        return found

    def _ask(self, model: _Model, matrix: Float, follows: Int, rows: Bool, found: Float) -> None:
        """Ask one model about some rows, bool[m], in the cheapest way that answers."""
        stale = self._stale
        nowcast = rows & ((follows == NOWCAST) & ~stale.unknown).any(axis=1)
        masked = self._masked(follows)
        left_out = rows & ~nowcast & masked.any(axis=1)
        same = (follows == LATEST).all(axis=1)
        plain = rows & ~nowcast & ~left_out & ~same
        found[rows & same] = self._latest[rows & same]
        # with nothing believed of a stale source, a nowcast would only be `degrade` once more
        plain &= ~(follows == NOWCAST).any(axis=1)
        left_out &= ~(follows == NOWCAST).any(axis=1)
        if plain.any():
            found[plain] = np.clip(model.predict(matrix[plain]), 0.0, 1.0)
        if left_out.any():
            how = self._spec.policy.degrade
            said = model.marginal(matrix[left_out], masked[left_out], how)
            found[left_out] = np.clip(said, 0.0, 1.0)
        if nowcast.any():
            self._ask_with_beliefs(model, matrix, follows, np.flatnonzero(nowcast), found)

    def _masked(self, follows: Int) -> Bool:
        """Which features are left out, bool[m, features]."""
        without = (follows == DEGRADE) | ((follows == NOWCAST) & self._stale.unknown)
        masked = np.zeros((len(follows), len(self._spec.features)), dtype=np.bool_)
        for s, columns in enumerate(self._columns):
            masked[:, columns] = without[:, s, None]
        return masked

    def _ask_with_beliefs(
        self, model: _Model, matrix: Float, follows: Int, rows: Int, found: Float
    ) -> None:
        policies = self._scorer.policies
        if policies is None or policies.beliefs is None:
            return
        belief, able = self._believed(policies.beliefs, matrix[rows], follows[rows], rows)
        if able.any():
            said = model.expected(matrix[rows[able]], belief.rows(np.flatnonzero(able)))
            found[rows[able]] = np.clip(said, 0.0, 1.0)

    def _believed(
        self, beliefs: Beliefs, matrix: Float, follows: Int, rows: Int
    ) -> tuple[Belief, Bool]:
        """Beliefs about the rows, and of which of them anything is believed at all.

        A source that no regression is known for goes in as ``latest`` has it: that nothing could be
        learned of one does not silence what was learned of another.
        """
        stale = self._stale
        belief, able = beliefs.nothing(matrix), np.zeros(len(rows), dtype=np.bool_)
        for s, source in enumerate(self._spec.sources):
            columns, unknown = self._columns[s], stale.unknown[rows, s]
            believed = (follows[:, s] == NOWCAST) & ~unknown
            ages = stale.ages[rows, s]
            for age in np.unique(ages[believed]).tolist():
                chosen = believed & (ages == age)
                line = beliefs.line_for(source.name, age)
                if line is not None:
                    able |= chosen
                    behind = stale.behind[rows, s].astype(np.float64)
                    beliefs.fill(belief, matrix, chosen, line, behind)
            nothing = (follows[:, s] == DEGRADE) | ((follows[:, s] == NOWCAST) & unknown)
            beliefs.forget(belief, nothing, columns)
        return belief, able

"""How far a model's learning has come, in a word that stands on every score."""

from __future__ import annotations

from schemas.scores import Maturity
from schemas.snapshots import Manifest

LEAST = 100
"""Examples of the rarer class below which no model is mature: the ``patience`` at which base rate
and model count equally (see ``BaseRate.trust``)."""

PER_FEATURE = 10
"""Examples of the rarer class that a feature takes: the rule of ten events a variable, below which
a logistic regression's weights are unreliable (P. Peduzzi et al., A simulation study of the number
of events per variable in logistic regression analysis, J. Clin. Epidemiol. 49, 1996)."""


def maturity(learned: int, positives: int, features: int) -> Maturity:
    """Maturity of a model of ``features`` columns that learned so many examples.

    ``prior``: a class is missing, so the probability is the base rate, for everyone. ``mature``:
    ``max(LEAST, PER_FEATURE * features)`` examples of the rarer class or more. ``learning``: in
    between, where the probability is held near the base rate.

    >>> maturity(10, 0, 5), maturity(1000, 40, 5), maturity(1000, 100, 5), maturity(1000, 100, 20)
    ('prior', 'learning', 'mature', 'learning')
    """
    rarer = min(positives, learned - positives)
    if rarer <= 0:
        return "prior"
    return "mature" if rarer >= max(LEAST, PER_FEATURE * features) else "learning"


def maturity_of(manifest: Manifest) -> Maturity:
    """Maturity of the version that a manifest says is in force."""
    return maturity(manifest.learned, manifest.positives, len(manifest.features))

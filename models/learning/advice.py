"""A diagnosis in words: what to do next."""

from __future__ import annotations

from models.learning.diagnosis import Diagnosis

FEW = 100
"""Churners below which nothing is said: the noise is larger than what is looked for."""

WORTH = 0.01
"""A change of the log loss by less than this share of it is not worth a word."""

GAP = 0.05
"""A loss on new examples that is larger than on learned ones by this share is called variance."""


def advise(found: Diagnosis) -> list[str]:
    """Sentences, the most important first; there is always one."""
    whole = found.points[-1]
    if whole.positives < FEW:
        return [
            f"It has learned {whole.positives} churners: too few to tell. Wait, or publish history."
        ]
    said = []
    if whole.prequential >= found.base:
        said.append(
            "It predicts no better than the base rate: the features say nothing about churn within "
            "this horizon. Look at the label rule first, then add features."
        )
    lost = (found.now - found.then) / found.then
    if lost > GAP:
        said.append(
            f"It forgets: on the first third of the history its log loss is {lost:.0%} higher now "
            "than right after learning it. Use a kind with replay (logistic), or a larger memory."
        )
    said.append(_data_or_features(found))
    return said


def _data_or_features(found: Diagnosis) -> str:
    whole = found.points[-1]
    better, error = whole.better or 0.0, whole.error or 0.0
    gain, gap = better / whole.prequential, 1.0 - whole.train / whole.prequential
    if gain > WORTH and better > 2 * error:
        return (
            f"More data helps: with all users the log loss is {gain:.1%} lower than with half of "
            "them. Wait, publish more history, or score more often (example_every)."
        )
    if gap > GAP:
        return (
            f"Variance: it predicts what it has learned {gap:.0%} better than what is new, and "
            "more users do not help. Fewer features, or a simpler or more regularised model."
        )
    return (
        "More data won't help: half of the users teach as much, and new examples are predicted as "
        "well as learned ones. Add features, or try another kind of model as a challenger."
    )

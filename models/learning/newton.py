"""One Newton step of a penalised logistic regression on weighted rows."""

from __future__ import annotations

import numpy as np

from models.learning.numerics import Floats, sigmoid, softplus

_LEAST_GAIN = 0.25
"""Of the gradient times the step: near the optimum a step gains a half of it."""


def newton_step(
    theta: Floats, design: Floats, labels: Floats, weights: Floats, ridge: Floats
) -> Floats:
    """Weights (d,) that lower ``Σ_i ω_i loss_i(θ) + Σ_j ridge_j θ_j² / 2``.

        g = Dᵀ (ω (σ(Dθ) - y)) + ridge θ,   H = Dᵀ diag(c) D + diag(ridge),   θ ← θ - H⁻¹ g

    The curvature is c = ω σ (1 - σ), and ω / 4, its upper bound, where the step would lower the
    loss by less than half of what it promises: far from the optimum. With the bound every step
    lowers it (D. Böhning, B. Lindsay, Monotonicity of quadratic-approximation algorithms, Annals of
    the Institute of Statistical Mathematics 40, 1988).

    Parameters
    ----------
    theta
        θ, shape (d,).
    design
        D, shape (n, d).
    labels, weights
        y and ω, shape (n,).
    ridge
        Precision of the normal prior around 0 of each weight, (d,), above 0.

    """
    logits = design @ theta
    p = sigmoid(logits)
    gradient = (weights * (p - labels)) @ design + ridge * theta
    step = np.linalg.solve(_curved(design, weights * p * (1.0 - p), ridge), gradient)
    moved = theta - step
    before = _loss(theta, logits, labels, weights, ridge)
    after = _loss(moved, design @ moved, labels, weights, ridge)
    if before - after >= _LEAST_GAIN * float(gradient @ step):
        return moved
    return theta - np.linalg.solve(_curved(design, 0.25 * weights, ridge), gradient)


def _curved(design: Floats, curvature: Floats, ridge: Floats) -> Floats:
    found: Floats = (design * curvature[:, None]).T @ design
    return found + np.diag(ridge)


def _loss(theta: Floats, logits: Floats, labels: Floats, weights: Floats, ridge: Floats) -> float:
    losses = softplus(np.where(labels == 1.0, -logits, logits))
    return float(weights @ losses) + 0.5 * float(ridge @ theta**2)

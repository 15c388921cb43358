"""A confidence sequence for a mean: an interval that may be looked at after every observation."""

from __future__ import annotations

import math


def t_sequence(count: int, mean: float, squares: float, alpha: float) -> tuple[float, float] | None:
    """Interval that holds the mean at all times at once, with probability ``1 - alpha`` or more.

    Of n observations with mean m and sum of squared deviations S it keeps every mu whose Bayes
    factor against "there is an effect" has stayed below 1/alpha; the effect size in units of the
    standard deviation has the prior N(0, 1), the standard deviation the right Haar prior. With
    t the t statistic of mu, the factor is (Goenen et al. 2005)

        B = (1 + n)^(-1/2) ((1 + t²/(n-1)) / (1 + t²/((n-1)(1 + n))))^(n/2)

    which is a test martingale under mu, whatever the variance (Pérez-Ortiz et al. 2024), so
    Ville's inequality makes the intervals valid at any time. Solved for t:

        t² = (n - 1) (C - 1) / (1 - C / (1 + n)),   C = (sqrt(1 + n) / alpha)^(2/n)

    Exact for independent normal observations with any variance: so observations should be means
    over many examples, and far enough apart to be nearly independent. None while too few (four or
    fewer at alpha = .05) to say anything.

    References
    ----------
    M. Gönen et al., The Bayesian two-sample t test, The American Statistician 59 (2005).

    M. F. Pérez-Ortiz, T. Lardy, R. de Heide, P. Grünwald, E-statistics, group invariance and
    anytime-valid testing, Annals of Statistics 52 (2024).

    H. Wang, A. Ramdas, Anytime-valid t-tests and confidence sequences for Gaussian means with
    unknown variance, Sequential Analysis 44 (2025).

    Examples
    --------
    >>> t_sequence(4, 1.0, 0.1, 0.05) is None
    True
    >>> low, high = t_sequence(12, 1.0, 0.11, 0.05)
    >>> round(low, 3), round(high, 3)
    (0.893, 1.107)

    """
    if count < 2:
        return None
    threshold = (math.sqrt(1 + count) / alpha) ** (2 / count)
    room = 1.0 - threshold / (1 + count)
    if room <= 0.0:
        return None
    squared_t = (count - 1) * (threshold - 1.0) / room
    half = math.sqrt(squared_t * squares / (count - 1) / count)
    return mean - half, mean + half

"""What the sections of a configuration must agree on. Each check adds to the problems."""

from __future__ import annotations

from streams.config.checks.features import check_features
from streams.config.checks.labels import check_labels, check_population
from streams.config.checks.policy import check_policy
from streams.config.checks.quality import check_quality
from streams.config.checks.scores import check_learning, check_model, check_scores, check_worker
from streams.config.checks.sources import check_sources
from streams.config.checks.topics import check_topics
from streams.config.problems import Problems
from streams.config.reading import Draft

_CHECKS = (
    check_sources,
    check_quality,
    check_topics,
    check_features,
    check_population,
    check_labels,
    check_scores,
    check_model,
    check_learning,
    check_worker,
    check_policy,
)


def check(draft: Draft, problems: Problems) -> None:
    """Run every check."""
    for one in _CHECKS:
        one(draft, problems)

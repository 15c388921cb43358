"""Checks of the policies about stale sources."""

from __future__ import annotations

from streams.config.checks.common import check_on_grid
from streams.config.problems import Problems
from streams.config.reading import Draft


def check_policy(draft: Draft, problems: Problems) -> None:
    """The longest lag lies on the grid; a policy that needs models with a lag may have some."""
    doc = draft.policy
    if doc is None:
        return
    check_on_grid(draft, problems, "policy.longest_lag", doc.longest_lag)
    if doc.lag_models:
        return
    named = {f"sources.{name}.policy": one.policy for name, one in draft.sources.items() if one}
    for key, policy in {"policy.default": doc.default, **named}.items():
        if policy == "lag_trained":
            problems.add(
                key,
                "No model is trained with a lag: policy.lag_models is 0.",
                "Allow for some, e.g. lag_models = 3, or use another policy.",
            )

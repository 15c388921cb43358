"""Checks of the population and the label rule."""

from __future__ import annotations

from streams.config.checks.common import check_on_grid, check_source_names
from streams.config.document import LabelsDoc
from streams.config.problems import Problems, did_you_mean
from streams.config.reading import Draft


def check_population(draft: Draft, problems: Problems) -> None:
    """Users enter with the events of a declared source."""
    doc = draft.population
    if doc is not None and doc.enter != "any" and doc.enter not in draft.sources:
        hint = did_you_mean(doc.enter, ["any", *draft.sources], "possible")
        problems.add("population.enter", f'There is no source "{doc.enter}".', hint)


def check_labels(draft: Draft, problems: Problems) -> None:
    """The rule has the sources and the bounds that it needs, and no others."""
    doc = draft.labels
    if doc is None:
        return
    check_on_grid(draft, problems, "labels.horizon", doc.horizon)
    check_on_grid(draft, problems, "labels.within", doc.within)
    if doc.rule == "outcome":
        _check_outcome_rule(draft, doc, problems)
    else:
        _check_inactivity_rule(draft, doc, problems)


def _check_outcome_rule(draft: Draft, doc: LabelsDoc, problems: Problems) -> None:
    for name in ("min_events", "within"):
        if getattr(doc, name) is not None:
            problems.add(
                f"labels.{name}", 'It belongs to rule = "inactivity".', "Remove it, or the rule."
            )
    outcomes = draft.outcome_sources
    if not outcomes and None not in draft.sources.values():
        problems.add(
            "labels.rule",
            "No source carries outcomes, so nobody would ever be known to have churned.",
            'Give a source outcome = { path = "status", churn = ["cancelled"] }, '
            'or use rule = "inactivity".',
        )
    elif doc.sources is not None:
        check_source_names(draft, problems, "labels.sources", doc.sources, outcomes)
    churn = [n for n, s in draft.sources.items() if s and s.outcome and s.outcome.churn]
    if outcomes and not churn and None not in draft.sources.values():
        problems.add(
            f"sources.{outcomes[0]}.outcome.churn",
            "No value of any outcome source means churn.",
            'List the values that do, e.g. churn = ["cancelled"].',
        )


def _check_inactivity_rule(draft: Draft, doc: LabelsDoc, problems: Problems) -> None:
    possible = [name for name in draft.sources if name not in draft.outcome_sources]
    if doc.sources is None:
        problems.add(
            "labels.sources",
            'rule = "inactivity" needs the sources whose silence is churn.',
            f"Name some of: {', '.join(possible) or '(none)'}.",
        )
    else:
        check_source_names(draft, problems, "labels.sources", doc.sources, possible)
    if doc.within is None:
        problems.add(
            "labels.within",
            'rule = "inactivity" needs it: who was active so lately can fall silent.',
            'Write e.g. within = "90d", with min_events = 1.',
        )
    if doc.leave is not None and not draft.outcome_sources:
        problems.add(
            "labels.leave",
            "No source carries outcomes, so nobody leaves.",
            "Remove it, or give a source outcome = { … }.",
        )

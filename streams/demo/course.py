"""How scores went from cut to cut: how likely churn was on average, and which policies said so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from streams.demo.evidence import SeenScore


@dataclass(slots=True)
class CutCourse:
    """Sums over the scores of one cut.

    weighed: scores for which some source was not fresh. weights: sum of each policy's weight over
    them. treatments: (source, treatment) → scores.
    """

    scores: int = 0
    probability: float = 0.0
    weighed: int = 0
    weights: Counter[str] = field(default_factory=Counter)
    treatments: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, score: SeenScore) -> None:
        """Add a score."""
        self.scores += 1
        self.probability += score.probability
        if score.weights:
            self.weighed += 1
            self.weights.update(dict(score.weights))
        self.treatments.update((name, state[1]) for name, state in score.states.items())


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """A cut as it is drawn.

    mean: of the probabilities. weights: policy → its part in the probabilities of all scores of
    the cut; what is missing to 1 is the part of users whose sources were all fresh. treatments:
    source → what was done about it for most users.
    """

    cut: int
    mean: float
    weights: dict[str, float]
    treatments: dict[str, str]


def point(cut: int, course: CutCourse) -> CoursePoint:
    """Means of a cut's sums."""
    most: dict[str, tuple[int, str]] = {}
    for (source, treatment), number in course.treatments.items():
        most[source] = max(most.get(source, (0, "")), (number, treatment))
    return CoursePoint(
        cut,
        course.probability / course.scores,
        {policy: weight / course.scores for policy, weight in sorted(course.weights.items())},
        {source: treatment for source, (_, treatment) in sorted(most.items())},
    )

"""Checks of topic names: no two of them the same, not even to Kafka's metrics."""

from __future__ import annotations

from streams.config.build import rekeyed_topic_of
from streams.config.problems import Problems
from streams.config.reading import Draft


def check_topics(draft: Draft, problems: Problems) -> None:
    """Two sources, or a source and an output, must not share a topic."""
    seen: dict[str, tuple[str, str]] = {}
    for key, topic in _topics(draft):
        plain = topic.replace(".", "_")
        if plain not in seen:
            seen[plain] = (key, topic)
            continue
        other_key, other = seen[plain]
        if topic == other:
            problems.add(key, f'{other_key} has the topic "{topic}" too.', "Use another topic.")
        else:
            problems.add(
                key,
                f'Kafka cannot tell "{topic}" from "{other}" ({other_key}) in its metrics.',
                "Use names that differ in more than . and _.",
            )


def _copies(draft: Draft) -> list[tuple[str, str]]:
    """Where rekeyed sources are copied to, as far as the app's name is known."""
    app = draft.app.name if draft.app else None
    copies = (
        (f"sources.{name}.rekey_topic", rekeyed_topic_of(name, doc, app))
        for name, doc in draft.sources.items()
        if doc is not None and app is not None
    )
    return [(key, topic) for key, topic in copies if topic is not None]


def _topics(draft: Draft) -> list[tuple[str, str]]:
    sources = [(f"sources.{name}.topic", doc.topic) for name, doc in draft.sources.items() if doc]
    sources += _copies(draft)
    outputs = draft.topics.model_dump() if draft.topics else {}
    return sources + [(f"topics.{name}", topic) for name, topic in outputs.items()]

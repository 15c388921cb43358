"""What every fault can do."""

from __future__ import annotations

from collections.abc import Sequence

from streams.faults.log import Beats, Events


class Fault:
    """Something that goes wrong with one source. Both methods give new columns."""

    def events(self, events: Events) -> Events:
        """What becomes of the source's events."""
        return events

    def beats(self, beats: Beats) -> Beats:
        """What becomes of its heartbeats; they must not promise what the fault holds back.

        A fault that the source does not notice leaves them alone.
        """
        return beats


def faulty_events(faults: Sequence[Fault], events: Events) -> Events:
    """Events with all faults, one after the other: each finds what the ones before have left."""
    for fault in faults:
        events = fault.events(events)
    return events


def faulty_beats(faults: Sequence[Fault], beats: Beats) -> Beats:
    """Heartbeats with all faults."""
    for fault in faults:
        beats = fault.beats(beats)
    return beats

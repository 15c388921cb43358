"""What goes wrong with sources, put into recorded or simulated logs on purpose.

A fault is a pure function of a log's columns: no state, no clock, no random generator. Chance comes
from a seeded hash of the records themselves, so the same log with the same fault gives the same
records, however it is cut into blocks.
"""

from streams.faults.base import Fault, faulty_beats, faulty_events
from streams.faults.log import Beats, Events
from streams.faults.reading import KINDS, FaultError, read_fault

__all__ = [
    "KINDS",
    "Beats",
    "Events",
    "Fault",
    "FaultError",
    "faulty_beats",
    "faulty_events",
    "read_fault",
]

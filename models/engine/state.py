"""The partition record: what is known of a partition besides its users, durable with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from models.engine.copies import Lanes
from models.engine.renewal import Renewal
from models.grid import NEVER
from models.spec import Spec
from models.staleness.corruption import Interval, Intervals
from models.staleness.evidence import Evidence
from models.staleness.health import FRESH
from models.staleness.quality.state import Quality, quality_from
from models.staleness.watermarks import Progress
from models.state.layout import StateError
from schemas.verdicts import Verdict

VERSION = 1


@dataclass(slots=True)
class SourceState:
    """One source in this partition.

    applied: newest offset whose effects are durable. arrival: newest arrival time at it.
    topic_id: the broker's id of the topic that the offsets are of, "" where it told none.
    The rest counts records: events used, heartbeats, late, duplicates, dead-lettered by reason,
    and those whose arrival lay below the clock when they came. lanes: of a rekeyed source.
    evidence: what its health is told from. corrupt: when its data is wrong.
    quality: what that is told from. health, why: what was found at the last check, in words where
    it is not fresh (models.engine.why).

    unruly: events that broke a rule that needs a user's past. counted: newest offset that they,
    events and duplicates are counted through. It is ahead of applied
    behind a write that broke off: some users' memory of event ids is, so that it cannot be told
    again which records were repeats.
    """

    applied: int = -1
    arrival: int = NEVER
    progress: Progress = field(default_factory=Progress)
    events: int = 0
    heartbeats: int = 0
    late: int = 0
    duplicates: int = 0
    disordered: int = 0
    topic_id: str = ""
    rejected: Counter[str] = field(default_factory=Counter)
    lanes: Lanes = field(default_factory=Lanes)
    counted: int = -1
    unruly: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    corrupt: Intervals = field(default_factory=Intervals)
    quality: Quality = field(default_factory=Quality)
    health: int = FRESH
    why: str = ""


@dataclass(slots=True)
class Sweep:
    """A cut that is being scored, or scores that are renewed: what is frozen, how far it has got.

    watermarks, health: of each source; health as codes, [] in a record from before they were kept.

    cursor: users up to this one (in the index's order) have been scored; "" = none yet. renews:
    sources that have come back, where newest scores are renewed; [] = a cut. until: the last user
    that is gone through; "" = to the end.
    """

    time: int
    watermarks: list[int]
    cursor: str = ""
    health: list[int] = field(default_factory=list)
    renews: list[int] = field(default_factory=list)
    until: str = ""


@dataclass(slots=True)
class PartitionState:
    """Clock, schedule and sources of one partition.

    next_check, next_cut, next_epoch, first_epoch (end of the first one closed here): None until
    the first record has set the clock. partitions: how many the topics had, 0 where not known.
    verdicts: that have arrived and do not hold yet. renewal: of scores that were told without late
    data. panes: how many of each user are kept, 0 in a record from before that was written down.
    whole_from: from when on all of them are there, µs: they were fewer before the configuration
    was changed.
    """

    sources: list[SourceState]
    clock: int = NEVER
    next_cut: int | None = None
    next_epoch: int | None = None
    next_check: int | None = None
    first_epoch: int | None = None
    sweep: Sweep | None = None
    skipped_cuts: int = 0
    partitions: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    renewal: Renewal = field(default_factory=Renewal)
    panes: int = 0
    whole_from: int = NEVER

    def keep(self, panes: int, spec: Spec) -> None:
        """Keep so many panes of each user from here on."""
        if 0 < self.panes < panes and self.clock != NEVER:
            newest = self.clock + spec.max_future
            self.whole_from = max(self.whole_from, newest - (self.panes - 1) * spec.grid)
        self.panes = panes

    def counted_like(self, later: PartitionState) -> PartitionState:
        """Take over a later state's counts of what users' own state tells."""
        for own, other in zip(self.sources, later.sources, strict=True):
            own.events, own.duplicates = other.events, other.duplicates
            own.counted, own.unruly = other.counted, other.unruly
        return self

    def encode(self) -> bytes:
        """The durable value (JSON: it is read by people in trouble)."""
        return orjson.dumps({"version": VERSION, "record": self})

    @classmethod
    def decode(cls, value: bytes) -> PartitionState:
        """Read a durable value. Raises StateError when it cannot be read."""
        try:
            content = orjson.loads(value)
            version = content["version"]
            if version != VERSION:
                raise StateError(
                    f"the partition record has version {version}, this program reads {VERSION}; "
                    "run the version that wrote it, or rebuild from the topics"
                )
            return _from_json(content["record"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StateError(f"the partition record is damaged: {error!r}; rebuild it") from error


def _from_json(record: dict[str, Any]) -> PartitionState:
    sources = [
        SourceState(
            **{
                **source,
                "progress": Progress(**source["progress"]),
                "rejected": Counter(source["rejected"]),
                "lanes": Lanes(**source.get("lanes", {})),
                "evidence": Evidence.of_json(source.get("evidence", {})),
                "corrupt": _intervals(**source.get("corrupt", {})),
                "quality": quality_from(source.get("quality", {})),
            }
        )
        for source in record.pop("sources")
    ]
    sweep = record.pop("sweep")
    verdicts = [Verdict(**verdict) for verdict in record.pop("verdicts", [])]
    renewal = Renewal(**record.pop("renewal", {}))
    state = PartitionState(
        sources=sources,
        sweep=Sweep(**sweep) if sweep else None,
        verdicts=verdicts,
        renewal=renewal,
        **record,
    )
    parts: list[Any] = [state, state.sweep, renewal, *verdicts]
    for one in sources:
        parts += [one, one.progress, one.evidence, one.corrupt, *one.corrupt.known, one.quality]
    for part in parts:
        _check_types(part)
    return state


def _intervals(known: Sequence[dict[str, Any]] = (), dropped: int = 0) -> Intervals:
    return Intervals([Interval(**one) for one in known], dropped)


_TYPES: dict[Any, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, type(None)),
    "str": (str,),
}


def _check_types(part: Any) -> None:
    """Raise TypeError where a value has not the type it is declared with."""
    for declared in fields(part) if part is not None else ():
        value = getattr(part, declared.name)
        if type(value) not in _TYPES.get(declared.type, (type(value),)):
            raise TypeError(f"{declared.name} is {value!r}, not {declared.type}")
    counts = part.rejected.values() if isinstance(part, SourceState) else ()
    marks = part.watermarks if isinstance(part, Sweep) else ()
    if any(type(value) is not int for value in (*counts, *marks)):
        raise TypeError(f"a count or watermark is no integer: {part!r}")

"""What a terminal shows of a running deployment: one state, fed by records, drawn on demand.

>>> from streams.watch import WatchState
>>> state = WatchState("shop", sources=("usage",), high="high")
>>> state.snapshot(now=0.0)[0]
'shop: 0 scores, 0.0/s, model: none yet'
"""

from streams.watch.state import WatchState

__all__ = ["WatchState"]

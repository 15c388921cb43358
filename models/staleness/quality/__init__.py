"""The learned quality gate: windows of a source's data against what is usual for it.

`tally`: what is gathered of each slot of event time, vectorised. `reference`: what is usual.
`trials`: the tests. `gate`: when a window is judged, and what follows.
"""

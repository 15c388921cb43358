"""What crosses the wire: events, scores, dead letters, examples, models, drift.

No I/O, no Faust, no clock: values in, values out.
"""

"""The shell: everything that touches Kafka, Redis, the network, the clock or the terminal.

`streams` may import `models` and `schemas`, never the other way round (checked by import-linter).
Only this package knows Faust, Kafka and Redis, so that the core stays a function from
(records, clock) to (state changes, outputs). Importing it connects to nothing.
"""

__version__ = "0.1.0"

"""The engine of production, driven in memory over a log: no Kafka, no Redis, one partition.

The engine doesn't know the difference: it asks for users, indexes and models as it asks the live
worker's shell, so what it gives is what production would have given.
"""

from streams.replay.engine import Record, Replay
from streams.replay.memory import Memory
from streams.replay.models import Models, Prior, Trained, told

__all__ = ["Memory", "Models", "Prior", "Record", "Replay", "Trained", "told"]

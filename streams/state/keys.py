"""Redis keys. One partition's keys share a hash tag, so they live in one slot of a cluster.

``ebb:{<app>.p<n>}:fence``                   who may write the partition (hash: counter, token, seq)
``ebb:{<app>.train}:fence``                  who may publish the app's models (the same)
``ebb:{<app>.p<n>}:<feature set>:u:<user>``  a user's value
``ebb:{<app>.p<n>}:<feature set>:part``      the partition record
``ebb:{<app>.p<n>}:<feature set>:risk``      users at risk (sorted set, all scores 0: by name)
``ebb:{<app>.p<n>}:<feature set>:pend``      users with waiting cuts, by the oldest one's time
``ebb:{<app>.p<n>}:<feature set>:gone``      users to forget, by the time to do it
"""

from __future__ import annotations

from dataclasses import dataclass


def trainer_fence(app: str) -> str:
    """Who may publish the app's models."""
    return f"ebb:{{{app}.train}}:fence"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one partition."""

    app: str
    partition: int
    feature_set: str

    @property
    def fence(self) -> str:
        """Of the app's partition, whatever the feature set."""
        return f"ebb:{{{self.app}.p{self.partition}}}:fence"

    @property
    def base(self) -> str:
        """What the state's keys begin with."""
        return f"ebb:{{{self.app}.p{self.partition}}}:{self.feature_set}:"

    @property
    def users(self) -> str:
        """What users' keys begin with."""
        return self.base + "u:"

    @property
    def partition_record(self) -> str:
        """The partition record."""
        return self.base + "part"

    @property
    def at_risk(self) -> str:
        """Index of users at risk."""
        return self.base + "risk"

    @property
    def pending(self) -> str:
        """Index of users with waiting cuts."""
        return self.base + "pend"

    @property
    def expiry(self) -> str:
        """Timers of users to forget."""
        return self.base + "gone"

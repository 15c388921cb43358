"""The role ``train``: learns in epochs from the examples topic, publishes snapshots."""

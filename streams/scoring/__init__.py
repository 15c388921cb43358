"""The role ``score``: ingest, features, scores, labels; the single writer of its partitions."""

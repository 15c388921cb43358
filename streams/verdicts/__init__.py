"""``ebbline sources reject`` and ``accept``: verdicts sent to every partition, and seen through."""

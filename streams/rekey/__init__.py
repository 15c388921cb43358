"""Topics that are not keyed by user: copied, record by record, to internal topics that are."""

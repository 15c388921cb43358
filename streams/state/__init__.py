"""The durable home of state: Redis."""

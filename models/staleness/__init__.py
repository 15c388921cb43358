"""How far each source has got, how it is doing, and what to do when it is late."""

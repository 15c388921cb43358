"""Records that were not used: what they are, what to do about them, and sending them again."""

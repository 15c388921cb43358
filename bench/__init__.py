"""The bench: the same job for Ebbline and for what a user would pick instead, side by side."""

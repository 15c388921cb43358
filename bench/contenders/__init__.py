"""A program for each contender that runs in Ebbline's own environment."""

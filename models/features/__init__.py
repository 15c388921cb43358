"""Windowed features: aggregates, panes, windows, and the one as-of function."""

"""What the worker says about itself: logs, metrics, health."""

"""What the other tools share, and a program for each of them.

They run in an environment of their own (``requirements/bench.txt``), so nothing here imports
Ebbline except the learned model itself, its formats being River's.
"""

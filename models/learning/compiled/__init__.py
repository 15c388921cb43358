"""River's models as flat arrays: whole batches scored by numpy, equal to River to 1e-9.

``shapes`` knows which models can be compiled; ``flattening`` turns River's trees into
``nodes``; ``forest``, ``anchored`` and ``models.learning.linear`` are what scores.
"""

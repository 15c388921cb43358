"""``ebbline models``: the models in training, the one that scores, and asking for another."""

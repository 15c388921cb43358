"""Learning: estimators, the trainer of epochs, snapshots, and scorers made from them."""

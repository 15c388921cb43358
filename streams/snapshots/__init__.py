"""Where model snapshots are kept and how scorers hear of them."""

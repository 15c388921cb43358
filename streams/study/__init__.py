"""Studies: what each way of treating stale sources costs, on simulated and on recorded logs."""

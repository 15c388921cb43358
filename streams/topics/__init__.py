"""The topics of a deployment: which ones it needs, how they are made, whether they are right."""

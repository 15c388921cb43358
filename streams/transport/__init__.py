"""Faust's aiokafka driver, handing over whole fetched batches instead of single records."""

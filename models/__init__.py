"""The deterministic core: stdlib, numpy and River. No I/O, no clock, no Faust, no Redis."""

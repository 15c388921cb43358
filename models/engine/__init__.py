"""One engine: records and clock in, state changes and outputs out; the shell does the I/O."""

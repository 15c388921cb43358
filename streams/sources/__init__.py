"""How the sources are doing as a whole: merged from what the partitions say, told and shown."""

"""``python -m streams.cli`` is ``ebbline``."""

from streams.cli import main

main()

"""What all tests share: Hypothesis without deadlines, for a busy machine is no failure."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from tests.properties import USUAL, scaled

settings.register_profile("ebbline", deadline=None, max_examples=scaled(USUAL))
settings.load_profile("ebbline")

# A broker that lives for minutes would spend a third of its CPU on compiling itself well.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# A shell lets what it starts in the background ignore Ctrl-C, and so would the commands that the
# tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

"""Everything on one machine, with users who really churn: ``ebbline demo``.

A simulator (``world``, ``simulator``) produces events faster than real time, a worker and a
trainer run as child processes on embedded services (``orchestrate``), views show what comes out,
and ``claims`` checks afterwards that what the demo says was really seen in the output topics.
Importing this package starts and connects nothing.
"""

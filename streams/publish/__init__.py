"""Recorded events onto topics, as they would have arrived: files in, history out.

The pure parts (when a row arrives, in what order rows go out, where heartbeats stand) take
values and return values; reading files and sending to the broker stand apart from them.
"""

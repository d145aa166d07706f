"""Landed files: where they lie, whether they are whole, and the records in them.

Landed files are only ever read. Nothing here knows what the records mean.
"""

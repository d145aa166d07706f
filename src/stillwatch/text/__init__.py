"""Text features: fingerprints, technique hits, capability and language of a prompt.

Text goes in, codes and keyed numbers come out; nothing here writes or logs a word of it.
"""

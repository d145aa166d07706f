"""Mutated inputs for every parser that reads what others wrote.

    python -m tests.fuzz --seconds 60                     every target in turn
    python -m tests.fuzz --seconds 60 --target adapter.otel_genai

A target is a function that takes bytes, returns counts and raises if the parser crashes or breaks
its promise. Add one by decorating it with `target` in a module that `load_targets` imports.
"""

"""Evaluation plans that ship with the package."""

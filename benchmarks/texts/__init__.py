"""Labelled prompts and what the text features make of them."""

"""Seeded, labelled worlds: landed inputs with a known truth, made without the detector."""

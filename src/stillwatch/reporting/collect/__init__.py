"""Collects the facts of each document from one snapshot, through named SQL only."""

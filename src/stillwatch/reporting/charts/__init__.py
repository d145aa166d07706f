"""Draws the charts of the documents as SVG, from the facts alone."""

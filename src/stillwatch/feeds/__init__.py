"""Threat feeds: pulled or delivered, checked for poison, parsed once, used by the day."""

"""Data-quality gates: run the suites of `expectations/`, stop the line or let it go on."""

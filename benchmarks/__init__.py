"""What Stillwatch costs, measured: `python -m benchmarks.run`.

Nothing here is needed to run Stillwatch. A benchmark makes its own seeded data, checks that the
answers are right, and prints ratios to a plain scan of the same data: seconds depend on the
machine and on who else uses it.
"""

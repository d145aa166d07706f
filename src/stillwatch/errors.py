"""The few exceptions of Stillwatch, all under one root.

A message names the value, where it came from and what to do about it: it is printed as it
stands by the command line and by Airflow's task log.
"""


class StillwatchError(Exception):
    """Root of every error that Stillwatch raises on purpose."""


class ConfigError(StillwatchError):
    """A setting, a config file or an argument is wrong: nothing has been started."""


class InputError(StillwatchError):
    """A landed file, feed or registry cannot be used as a whole (single lines are quarantined)."""


class LocationError(StillwatchError):
    """A location of inputs does not answer: nothing is known of its files, a later try may do."""


class GateFailed(StillwatchError):
    """A critical data-quality expectation failed: the line stops, the last good snapshot stands."""


class WarehouseError(StillwatchError):
    """The warehouse is locked, missing or did not build."""


class ReportError(StillwatchError):
    """A report could not be rendered, approved or released."""

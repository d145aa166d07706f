"""What all tests share: the count of fault cases that a run covers."""

from __future__ import annotations

import pytest

FAULT_CASES = range(1, 69)  # the rows of the fault table that the project answers for


class FaultCount:
    """Gathers the cases of the tests that passed; reports come here from every worker process."""

    def __init__(self) -> None:
        self.passed: set[int] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed |= {int(str(n)) for name, n in report.user_properties if name == "fault"}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.passed:
            listed = ", ".join(str(n) for n in sorted(self.passed))
            terminalreporter.write_line(
                f"fault table: {len(self.passed)} of {len(FAULT_CASES)} cases injected and passed: "
                f"{listed}"
            )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FaultCount(), "fault-count")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("fault"):
            if not mark.args or any(n not in FAULT_CASES for n in mark.args):
                raise pytest.UsageError(
                    f"{item.nodeid}: mark it fault(n) with n of 1 to 68: {mark}"
                )
            item.user_properties += [("fault", n) for n in mark.args]

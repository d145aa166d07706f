"""What all tests share: the count of fault cases that a run covers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

FAULT_CASES = range(1, 69)  # the rows of the fault table that the project answers for

_covered = pytest.StashKey[dict[str, frozenset[int]]]()
_passed = pytest.StashKey[set[int]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_covered] = {}
    config.stash[_passed] = set()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        numbers = [n for mark in item.iter_markers("fault") for n in mark.args]
        wrong = [n for n in numbers if n not in FAULT_CASES]
        if wrong or (not numbers and item.get_closest_marker("fault")):
            raise pytest.UsageError(f"{item.nodeid}: mark it fault(n) with n of 1 to 68: {wrong}")
        if numbers:
            config.stash[_covered][item.nodeid] = frozenset(numbers)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterable[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call" and report.passed:
        item.config.stash[_passed] |= item.config.stash[_covered].get(item.nodeid, frozenset())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    passed = sorted(config.stash[_passed])
    if passed:
        listed = ", ".join(str(n) for n in passed)
        terminalreporter.write_line(
            f"fault table: {len(passed)} of {len(FAULT_CASES)} cases injected and passed: {listed}"
        )

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import RetryAction

from stillwatch.errors import ConfigError, GateFailed, InputError, ReportError, WarehouseError
from stillwatch.orchestration.callbacks import record_failure
from stillwatch.orchestration.defaults import FAIL_AT_ONCE
from stillwatch.runs import get_paths, read_json


def _context(error: BaseException, map_index: int = -1) -> dict[str, Any]:
    return {
        "task_instance": SimpleNamespace(
            dag_id="detect_campaigns",
            task_id="check_raw",
            map_index=map_index,
            try_number=1,
            run_id="asset_triggered__1",
        ),
        "dag_run": SimpleNamespace(partition_key="2026-11-12"),
        "exception": error,
    }


def test_record_failure__keeps_our_own_words(settings: Any) -> None:
    record_failure(_context(GateFailed("raw gate of 2026-11-12: no rows")))
    folder = get_paths(settings).ledger / "failures" / "dt=2026-11-12"
    record = read_json(folder / "detect_campaigns.check_raw.json")
    assert record["error"] == "GateFailed"
    assert record["message"] == "raw gate of 2026-11-12: no rows"


def test_record_failure__keeps_no_text_that_may_quote_data(settings: Any) -> None:
    record_failure(_context(ValueError("cannot parse 'a secret prompt'"), map_index=3))
    folder = get_paths(settings).ledger / "failures" / "dt=2026-11-12"
    text = (folder / "detect_campaigns.check_raw.3.json").read_text()
    assert "ValueError" in text
    assert "secret" not in text


def test_record_failure__a_run_without_a_day_is_recorded_too(settings: Any) -> None:
    context = _context(ConfigError("no day"))
    context["dag_run"] = None
    record_failure(context)
    assert list((get_paths(settings).ledger / "failures" / "dt=unknown").glob("*.json"))


@pytest.mark.parametrize("error", [ConfigError, GateFailed, InputError, ReportError])
def test_retries__what_needs_a_person_fails_at_once(error: type[Exception]) -> None:
    decision = FAIL_AT_ONCE.evaluate(error("x"), try_number=1, max_tries=2)
    assert decision.action is RetryAction.FAIL


@pytest.mark.parametrize("error", [WarehouseError, ConnectionError, OSError])
def test_retries__what_may_pass_is_tried_again(error: type[Exception]) -> None:
    decision = FAIL_AT_ONCE.evaluate(error("x"), try_number=1, max_tries=2)
    assert decision.action is not RetryAction.FAIL

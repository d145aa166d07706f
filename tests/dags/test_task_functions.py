"""Each task calls one package function with the settings and the day of its run."""

from __future__ import annotations

import importlib
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stillwatch.orchestration import days as run_days
from stillwatch.orchestration.assets import SNAPSHOT, THREAT_FEEDS, USAGE_LOGS

DAY = date(2026, 11, 12)
RUN = SimpleNamespace(partition_key="2026-11-12", run_id="backfill__1")


class Calls(list[tuple[Any, ...]]):
    """Stands in for a package function: notes what it was called with and returns one value."""

    def __init__(self, result: Any = None) -> None:
        super().__init__()
        self.result = result

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.append((*arguments, *sorted(named.items())))
        return self.result


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch) -> Any:
    def replace_function(module_name: str, function: str, result: Any = None) -> Calls:
        calls = Calls(result)
        module = importlib.import_module(module_name)
        assert callable(getattr(module, function)), "the function that the DAG calls is gone"
        monkeypatch.setattr(module, function, calls)
        return calls

    return replace_function


@pytest.fixture(autouse=True)
def context(monkeypatch: pytest.MonkeyPatch, dags: dict[str, Any]) -> dict[str, Any]:
    """Give the task functions an empty task context, as Airflow would at run time."""
    context: dict[str, Any] = {}
    for dag in dags.values():
        for task in dag.tasks:
            if hasattr(task, "python_callable") or "python_callable" in get_partial(task):
                names = get_function(dag, task.task_id).__globals__
                monkeypatch.setitem(names, "get_current_context", lambda: context)
    return context


def get_partial(task: Any) -> dict[str, Any]:
    return getattr(task, "partial_kwargs", {})


def get_function(dag: Any, task_id: str) -> Any:
    task = dag.get_task(task_id)
    return get_partial(task).get("python_callable") or task.python_callable


def test_ingest_source__ingests_its_source_for_the_day(
    dags: dict[str, Any], replace: Any, settings: Any, context: dict[str, Any]
) -> None:
    counts = SimpleNamespace(
        read_count=10, accepted_count=7, duplicate_count=2, quarantined_count=1
    )
    calls = replace("stillwatch.sources.ingest", "ingest_source", [counts, counts])
    function = get_function(dags["ingest_usage_logs"], "ingest_source")
    assert function("native", dag_run=RUN) == {
        "read_count": 20,
        "accepted_count": 14,
        "duplicate_count": 4,
        "quarantined_count": 2,
    }
    assert calls == [(settings, "native", DAY)]
    assert context["source_id"] == "native"


def test_rerun_late_days__runs_the_planned_days_and_hands_on_counts(
    dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    late = [
        SimpleNamespace(file_count=2, is_too_late=False),
        SimpleNamespace(file_count=3, is_too_late=True),
    ]
    plan = SimpleNamespace(late=late, too_late=late[1:], days=(DAY, DAY))
    planned = replace("stillwatch.sources.late", "plan_rerun", plan)
    done = replace("stillwatch.pipeline", "rerun_days", ["one summary"])
    function = get_function(dags["ingest_usage_logs"], "rerun_late_days")
    assert function(dag_run=RUN) == {
        "late_file_count": 5,
        "too_late_file_count": 3,
        "rerun_day_count": 2,
        "published_day_count": 1,
    }
    assert planned == [(settings, ("before", DAY))]
    assert done == [(settings, (DAY, DAY))]
    plan.days = ()
    function(dag_run=RUN)
    assert len(done) == 1


@pytest.mark.parametrize("is_open", [True, False])
def test_await_delivery__goes_on_when_nothing_is_open(
    is_open: bool, dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    found = [SimpleNamespace(describe=lambda: "usage of native is open")] if is_open else []
    calls = replace("stillwatch.sources.delivery", "find_open", found)
    function = get_function(dags["ingest_usage_logs"], "await_delivery")
    assert function(dag_run=RUN) is not is_open
    assert calls == [(settings, [DAY])]


def test_list_sources__returns_ids_only(dags: dict[str, Any], replace: Any, settings: Any) -> None:
    replace("stillwatch.sources.registry", "find_sources", [SimpleNamespace(source_id="native")])
    assert get_function(dags["ingest_usage_logs"], "list_sources")() == ["native"]


def test_record_ingestion__puts_the_summed_counts_beside_the_asset(dags: dict[str, Any]) -> None:
    events = {USAGE_LOGS: SimpleNamespace(extra=None)}
    function = get_function(dags["ingest_usage_logs"], "record_ingestion")
    total = function([{"read_count": 2}, {"read_count": 3}], outlet_events=events)
    assert total == events[USAGE_LOGS].extra == {"read_count": 5}


@pytest.mark.parametrize(("now", "pull"), [((2026, 11, 13, 5), True), ((2026, 11, 23, 5), False)])
def test_refresh_feed__pulls_only_for_a_present_day(
    now: tuple[int, int, int, int],
    pull: bool,
    dags: dict[str, Any],
    replace: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_days, "utc_now", lambda: datetime(*now, tzinfo=UTC))
    calls = replace(
        "stillwatch.feeds.refresh",
        "refresh_feed",
        SimpleNamespace(state="last_good", used_count=5),
    )
    function = get_function(dags["ingest_threat_feeds"], "refresh_feed")
    assert function("vpn", dag_run=RUN) == {
        "feed_count": 1,
        "current_feed_count": 0,
        "used_entry_count": 5,
    }
    assert calls == [(settings, "vpn", DAY, ("pull", pull))]


def test_load_reference__loads_the_tables_of_the_day(
    dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    calls = replace("stillwatch.policy.reference", "load_reference")
    get_function(dags["ingest_threat_feeds"], "load_reference")(dag_run=RUN)
    assert calls == [(settings, DAY)]


def test_record_feeds__puts_the_summed_counts_beside_the_asset(dags: dict[str, Any]) -> None:
    events = {THREAT_FEEDS: SimpleNamespace(extra=None)}
    function = get_function(dags["ingest_threat_feeds"], "record_feeds")
    function([{"feed_count": 1}, {"feed_count": 1}], outlet_events=events)
    assert events[THREAT_FEEDS].extra == {"feed_count": 2}


@pytest.mark.parametrize(("task_id", "gate"), [("check_raw", "raw"), ("check_marts", "marts")])
def test_gates__check_the_day_and_hand_on_counts(
    task_id: str, gate: str, dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    outcome = SimpleNamespace(rows=(1, 2, 3), failed_warning=(1,))
    calls = replace("stillwatch.quality.gates", "check_day", outcome)
    function = get_function(dags["detect_campaigns"], task_id)
    assert function(dag_run=RUN) == {"check_count": 3, "failed_warning_count": 1}
    assert calls == [(settings, DAY, gate)]


@pytest.mark.parametrize("layer", ["behaviour", "campaigns"])
def test_builds__build_their_layer_of_the_day(
    layer: str, dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    calls = replace("stillwatch.transform.build", "build_day")
    assert get_function(dags["detect_campaigns"], f"build_{layer}")(dag_run=RUN) is None
    assert calls == [(settings, DAY, layer)]


def test_publish_snapshot__hands_on_the_snapshot_id(
    dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    events = {SNAPSHOT: SimpleNamespace(extra=None)}
    calls = replace(
        "stillwatch.warehouse.publish", "publish_day", SimpleNamespace(snapshot_id="s1")
    )
    function = get_function(dags["detect_campaigns"], "publish_snapshot")
    assert function(dag_run=RUN, outlet_events=events) == "s1"
    assert calls == [(settings, DAY)]
    assert events[SNAPSHOT].extra == {"snapshot_id": "s1"}


@pytest.mark.parametrize(
    ("chosen", "called", "outcome"),
    [("Approve", "approve_report", "released"), ("Reject", "reject_report", "refused")],
)
def test_apply_decision__does_what_the_person_chose_and_nothing_else(
    chosen: str, called: str, outcome: str, dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    functions = {
        name: replace("stillwatch.reporting.release", name)
        for name in ("approve_report", "reject_report")
    }
    answer = {
        "chosen_options": [chosen],
        "params_input": {"comment": " read it "},
        "responded_at": datetime(2026, 11, 13, 8, tzinfo=UTC),
        "responded_by_user": {"id": "1", "name": "kim"},
    }
    asked = Calls(answer)
    task_instance = SimpleNamespace(map_index=2, xcom_pull=asked)
    function = get_function(dags["publish_reports"], "review_report.apply_decision")
    assert function("brief-2026-11-12", "ab" * 32, ti=task_instance) == outcome
    assert asked == [(("map_indexes", 2), ("task_ids", "review_report.approve_report"))]
    expected = (settings, "brief-2026-11-12", "kim", "read it", answer["responded_at"])
    assert functions.pop(called) == [expected]
    assert all(calls == [] for calls in functions.values())


def test_draft_reports__asks_about_each_draft_once(
    dags: dict[str, Any], replace: Any, settings: Any
) -> None:
    drafts = [
        SimpleNamespace(
            report_id=f"r-{state}", version=1, document="brief", state=state, sha256="ab" * 32
        )
        for state in ("draft", "released", "rejected")
    ]
    calls = replace("stillwatch.reporting.documents", "draft_day", drafts)
    requests = get_function(dags["publish_reports"], "draft_reports")(dag_run=RUN)
    assert calls == [(settings, DAY)]
    assert [request["report_id"] for request in requests] == ["r-draft"]
    assert all(
        set(request) == {"report_id", "draft_sha256", "subject", "body"} for request in requests
    )


def test_every_task_with_a_day__refuses_a_run_without_one(dags: dict[str, Any]) -> None:
    bare = SimpleNamespace(partition_key=None, run_id="manual__1")
    for dag_id, task_id in (
        ("detect_campaigns", "check_raw"),
        ("publish_reports", "draft_reports"),
    ):
        with pytest.raises(Exception, match="partition key"):
            get_function(dags[dag_id], task_id)(dag_run=bare)

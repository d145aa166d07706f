"""Draft the reports of a UTC day, wait for a person's decision on each, and release or refuse it.

**What it does.** `draft_reports` freezes the facts of the published snapshot and renders drafts.
Each report then waits in `approve_report` for a person (Required Actions in the Airflow UI): on
Approve, `apply_decision` renders, hashes and registers the released version; on Reject it keeps
who refused it, when and why. The decision is recorded under the name of the person who is logged
in. `stillwatch approve` does the same without the UI.

**Reads** `published/`. **Writes** `reports/` and `ledger/reports/` below STILLWATCH_HOME.

**If it fails.** Detection is not touched. A failed `draft_reports` names the document and the
figure or the text that it could not print. A report on which nobody decides within seven days
fails its `approve_report`: the draft stays a draft. The owner sees the failed run here and its
record in `ledger/failures/`.

**To run it again.** Safe: the same facts give the same bytes, and a report that is already
decided is not asked about twice. If a report was decided on the command line meanwhile, its
waiting task may be answered or left to end by itself: the first decision stands.

**When not to run it.** There is no harm in running it, except that people are asked again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import (
    Param,
    PartitionedAssetTimetable,
    chain,
    dag,
    get_current_context,
    task,
    task_group,
)

from stillwatch.orchestration.assets import SNAPSHOT
from stillwatch.orchestration.days import get_run_day
from stillwatch.orchestration.defaults import DEFAULT_ARGS, FIRST_DAY, Tag
from stillwatch.orchestration.reviews import (
    APPROVE,
    REJECT,
    list_requests,
    read_decision,
    require_unchanged,
)
from stillwatch.settings import get_settings

ANSWER_OF = "review_report.approve_report"


@task
def draft_reports(dag_run: Any = None) -> list[dict[str, str]]:
    from stillwatch.reporting.documents import draft_day

    return list_requests(draft_day(get_settings(), get_run_day(dag_run)))


@task(map_index_template="{{ report_id }}")
def apply_decision(report_id: str, draft_sha256: str, ti: Any = None) -> str:
    from stillwatch.reporting import release

    get_current_context()["report_id"] = report_id
    decision = read_decision(ti.xcom_pull(task_ids=ANSWER_OF, map_indexes=ti.map_index), report_id)
    require_unchanged(get_settings(), report_id, draft_sha256)
    apply = release.approve_report if decision.is_approved else release.reject_report
    apply(get_settings(), report_id, decision.actor, decision.comment, decision.decided_at)
    return "released" if decision.is_approved else "refused"


@task_group
def review_report(report_id: str, draft_sha256: str, subject: str, body: str) -> None:
    # Not Airflow's ApprovalOperator: in a mapped group its Reject does not skip what follows, so a
    # refused report would be released (docs/decisions/0007-airflow-partitions.md).
    approve_report = HITLOperator(
        task_id="approve_report",
        subject=subject,
        body=body,
        options=[APPROVE, REJECT],
        params={"comment": Param("", type="string", description="Kept with the decision.")},
        response_timeout=timedelta(days=7),
        execution_timeout=None,  # the wait has its own limit and holds no slot
    )
    chain(approve_report, apply_decision(report_id, draft_sha256))


@dag(
    schedule=PartitionedAssetTimetable(assets=SNAPSHOT),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=31,  # a run lasts as long as people take to decide
    default_args=DEFAULT_ARGS,
    dagrun_timeout=timedelta(days=8),
    tags=[Tag.STAGE_REPORT, Tag.IMPACT_MEDIUM],
    doc_md=__doc__,
)
def publish_reports() -> None:
    review_report.expand_kwargs(draft_reports())


publish_reports()

"""The marts gate on a small private build."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from small_home import (
    DAY,
    at,
    make_exchange,
    make_record,
    make_settings,
    open_build,
    write_build,
    write_day,
    write_record,
    write_rows,
)

from stillwatch.errors import GateFailed, WarehouseError
from stillwatch.quality.gates import check_day, fingerprint_audited, open_build_for_reading
from stillwatch.quality.results import read_outcome
from stillwatch.runs import get_paths
from stillwatch.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = make_settings(tmp_path)
    write_day(settings)
    write_build(settings)
    return settings


def find_failed(settings: Settings, change: str) -> dict[str, str]:
    """Change the build, run the gate, and return the severity of what failed by suite and name."""
    with open_build(settings) as connection:
        connection.execute(change)
    with contextlib.suppress(GateFailed):
        check_day(settings, DAY, "marts")
    outcome = read_outcome(get_paths(settings), DAY, "marts")
    assert outcome is not None
    return {
        f"{row.suite.removeprefix('marts.')}: {row.expectation}": row.severity.value
        for row in outcome.rows
        if not row.success
    }


def test_marts_gate__good_build_passes_and_is_left_closed(settings: Settings) -> None:
    outcome = check_day(settings, DAY, "marts")
    assert outcome.passed
    assert outcome.failed_warning == ()
    written = json.loads(
        (get_paths(settings).ledger / "quality" / f"dt={DAY}" / "marts.json").read_text()
    )
    assert len(written["audited_fingerprint"]) == 64
    with open_build(settings) as connection:  # a second writer can open it again
        assert connection.execute("select count(*) from marts.dim_accounts").fetchone() == (3,)


def test_marts_gate__wrong_marts_stop_the_line(settings: Settings) -> None:
    failed = find_failed(
        settings,
        """
        insert into marts.fct_account_scores from marts.fct_account_scores limit 1;
        update marts.fct_account_days set exchange_count = 3, ok_count = 3;
        update marts.fct_account_days set capability_general_ratio = 1.5;
        update marts.dim_campaigns set account_count = 3, likelihood_term = 'probably';
        delete from marts.fct_campaign_evidence;
        update marts.fct_campaign_lineage set event = 'vanished';
        update marts.bridge_campaign_accounts set account_key = 'z' where account_key = 'a0';
        update marts.dim_indicators set marking = 'SECRET';
        update marts.fct_campaign_coverage set shown_count = 3, shown_ratio = 0.01;
        insert into marts.fct_campaign_coverage
            select 'c2', as_of_date, 'failover', result, 2, 2, 1.0, 0.05, benign_cause
            from marts.fct_campaign_coverage;
        update marts.fct_campaign_comparisons set cleared_group_id = group_id;
        update marts.fct_campaign_joins set neighbour_count = 2;
        drop table marts.fct_screening;
        """,
    )
    assert failed == dict.fromkeys(
        [
            "fct_account_scores: expect_compound_columns_to_be_unique",
            "fct_account_days: exchanges_reconcile_with_accepted_rows",
            "fct_account_days: ratios_lie_between_0_and_1",
            "dim_campaigns: account_count_equals_the_bridge",
            "dim_campaigns: expect_column_values_to_be_in_set",
            "fct_campaign_days: live_campaigns_have_evidence",
            "fct_campaign_lineage: expect_column_values_to_be_in_set",
            "bridge_campaign_accounts: account_key_is_in_dim_accounts",
            "fct_campaign_coverage: campaign_id_is_in_dim_campaigns",
            "fct_campaign_coverage: every_campaign_has_every_indicator",
            "fct_campaign_coverage: shown_is_at_most_measured",
            "fct_campaign_coverage: seen_is_more_than_the_base_rate",
            "fct_campaign_comparisons: a_group_is_not_compared_with_itself",
            "fct_campaign_joins: neighbours_are_accounts_of_their_part",
            "dim_indicators: marking_is_tlp",
            "fct_screening: relation_exists",
        ],
        "critical",
    )


def test_marts_gate__a_release_may_be_on_all_platforms_and_come_again(settings: Settings) -> None:
    assert not find_failed(
        settings,
        f"""
        delete from marts.dim_model_releases;
        insert into marts.dim_model_releases by name
        select 'meridian-2' as model, platform, released_at::timestamptz as released_at
        from (values (null, '{DAY}'), ('cloud', '{DAY}'), ('cloud', '{DAY - timedelta(days=9)}'))
            as release (platform, released_at)
        """,
    )


def test_marts_gate__missing_scores_stop_the_line_and_other_days_are_not_judged(
    settings: Settings,
) -> None:
    other = DAY - timedelta(days=1)
    failed = find_failed(
        settings,
        f"""
        delete from marts.fct_account_scores;
        insert into marts.fct_account_scores values ('a0', '{other}', 7.0, 0, 0, null)
        """,
    )
    assert failed == {"fct_account_scores: rows_were_there": "critical"}


def test_marts_gate__late_exchanges_reconcile_with_their_own_day(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    earlier = DAY - timedelta(days=1)
    write_day(settings, earlier, 4)
    write_day(settings, DAY, 6)
    late = make_exchange(9, DAY, event_at=at(earlier), event_date=earlier)
    rows = [make_exchange(n, DAY) for n in range(6)]
    write_rows(settings, "exchanges", DAY, [*rows, late])
    write_record(settings, make_record("usage", 7))
    write_build(settings, (earlier, DAY))
    assert check_day(settings, DAY, "marts").passed


def test_marts_gate__fingerprint_of_the_build_changes_with_its_marts_but_not_with_results(
    settings: Settings,
) -> None:
    paths = get_paths(settings)

    def see(change: str) -> str:
        with open_build(settings) as connection:
            connection.execute(change)
        with open_build_for_reading(settings, paths) as connection:
            return fingerprint_audited(connection, "build.marts")

    first = see("select 1")
    assert see("create table marts.rpt_data_quality as select 1 as run_date") == first
    assert see("update marts.dim_campaigns set total_tokens = total_tokens + 1") != first


def test_marts_gate__missing_build_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"build\.duckdb is missing"):
        check_day(make_settings(tmp_path), DAY, "marts")

"""The dbt project on a few hundred hand-made accounts: who is found and who is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_world import DAYS, NETWORK_SIZE, write_small_world

from stillwatch.errors import ConfigError, WarehouseError
from stillwatch.explain.accounts import explain_account
from stillwatch.explain.campaigns import explain_campaign
from stillwatch.settings import Settings
from stillwatch.transform.build import build_day, run_dbt


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("small_world")
    write_small_world(home)
    settings = Settings(home=home)
    for day in DAYS:
        build_day(settings, day, "all")
    return settings


@pytest.fixture
def marts(built: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(built.home / "warehouse" / "build.duckdb"), read_only=True)
    connection.execute("set TimeZone = 'UTC'")
    yield connection
    connection.close()


def _dump(home: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(home / "warehouse" / "build.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        return {
            name: connection.execute(f"select * from marts.{name} order by all").fetchall()
            for (name,) in sorted(names)
        }


def test_campaigns__the_planted_network_is_one_campaign_and_nobody_else(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    members = marts.execute(
        "select campaign_id, account_key from marts.bridge_campaign_accounts"
    ).fetchall()
    assert len({campaign for campaign, _ in members}) == 1
    assert {key.split("-")[0] for _, key in members} == {"network"}
    assert len(members) == NETWORK_SIZE


def test_campaigns__the_id_is_kept_from_day_to_day(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        "select as_of_date, campaign_id, new_account_count from marts.fct_campaign_days order by 1"
    ).fetchall()
    assert [row[0] for row in rows] == list(DAYS)
    assert len({row[1] for row in rows}) == 1
    assert [row[2] for row in rows] == [NETWORK_SIZE, 0, 0]
    events = marts.execute("select event from marts.fct_campaign_lineage").fetchall()
    assert events == [("born",)]


def test_campaigns__where_nobody_is_known_to_be_old_the_network_is_found_with_low_confidence(
    tmp_path: Path,
) -> None:
    home = tmp_path / "young"
    write_small_world(home)
    build_day(Settings(home=home), DAYS[0], "all", {"established_tenure_days": 100_000})
    with duckdb.connect(str(home / "warehouse" / "build.duckdb"), read_only=True) as marts:
        campaigns = marts.execute(
            "select account_count, confidence_level, confidence_reason from marts.dim_campaigns"
        ).fetchall()
        members = marts.execute("select account_key from marts.bridge_campaign_accounts").fetchall()
        statements = marts.execute(
            "select statement from marts.fct_campaign_evidence"
            " union all select statement from marts.fct_campaign_coverage"
        ).fetchall()
    assert {key.split("-")[0] for (key,) in members} == {"network"}
    ((account_count, level, reason),) = campaigns
    assert account_count == NETWORK_SIZE
    assert level == "low"
    assert "newcomers stand in for the baseline" in reason
    assert any("newcomers in good standing" in statement for (statement,) in statements)
    assert not any("established accounts" in statement for (statement,) in statements)


def test_campaigns__half_of_the_traffic_is_extraction(marts: duckdb.DuckDBPyConnection) -> None:
    low, high = marts.execute(
        "select extraction_ratio_low, extraction_ratio_high from marts.dim_campaigns"
    ).fetchone()
    assert low < 0.5 < high
    assert high - low < 0.15


def test_evidence__prior_and_rows_add_up_to_the_posterior(marts: duckdb.DuckDBPyConnection) -> None:
    (difference,) = marts.execute(
        """
        select max(abs(c.posterior_log10_odds - c.prior_log10_odds - e.total))
        from marts.fct_campaign_days as c
        inner join (
            select campaign_id, as_of_date, sum(log10_likelihood_ratio) as total
            from marts.fct_campaign_evidence group by all
        ) as e using (campaign_id, as_of_date)
        """
    ).fetchone()
    assert difference < 1e-4


def test_coverage__what_is_seen_not_seen_and_not_observable_is_told_apart(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    rows = marts.execute(
        "select indicator_code, result, measured_count, shown_count, established_count, "
        "established_ratio from marts.fct_campaign_coverage where as_of_date = ? order by place",
        [DAYS[-1]],
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    assert len(found) == 15
    results = {code: row[0] for code, row in found.items()}
    # asked for reasoning, registered alike, one card range, two templates; every hour of the day
    for code in ("reasoning_prompts", "similar_registration", "similar_payment", "similar_prompts"):
        assert results[code] == "seen", code
        assert found[code][1:3] == (NETWORK_SIZE, NETWORK_SIZE), code
        assert found[code][3] > 100, code
        assert found[code][4] < 0.05, code
    assert results["round_the_clock"] == "seen"
    assert results["quality_probes"] == results["stripped_metadata"] == "not seen"
    # no release, nobody blocked, nothing that measures the cache
    for code in ("release_pivot", "failover", "cache_optimised"):
        assert found[code][:3] == ("not observable", 0, 0), code


def test_comparison__the_class_is_what_was_let_go_beside_the_network(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    rows = marts.execute(
        """
        select distinct c.account_count, c.cleared_account_count, c.cleared_because
        from marts.fct_campaign_comparisons as c
        where c.as_of_date = ?
        """,
        [DAYS[-1]],
    ).fetchall()
    assert rows == [(NETWORK_SIZE, 30, "its accounts do not behave like extraction")]


def test_explain__the_ledger_of_the_build_adds_up(
    built: Settings, marts: duckdb.DuckDBPyConnection
) -> None:
    (campaign_id,) = marts.execute("select campaign_id from marts.dim_campaigns").fetchone()
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{built.home / 'warehouse' / 'build.duckdb'}' as build (read_only)"
        )
        connection.execute("create schema marts")
        connection.execute("create table marts.snapshot_info as select 'small' as snapshot_id")
        for (name,) in marts.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall():
            connection.execute(f"create view marts.{name} as from build.marts.{name}")
        campaign = explain_campaign(connection, campaign_id, DAYS[1])
        account = explain_account(connection, "network-007")
    rows = [*campaign.evidence, *campaign.counter_evidence]
    total = campaign.prior_bits + sum(row.bits for row in rows)
    assert total == pytest.approx(campaign.posterior_bits, abs=1e-3)
    assert campaign.state.as_of_date == DAYS[1]
    assert {row.family for row in campaign.not_available} >= {"pivot", "replay"}
    assert all(0 <= row.median_percentile <= 1 for row in rows if row.median_percentile is not None)
    assert account.memberships[0].was_in_cluster
    assert account.score.campaign_id == campaign_id
    speaking = sum(signal.bits for signal in account.signals if signal.counts)
    assert speaking >= account.own_bits  # families that look ordinary take some away
    assert any(link.holder_count == NETWORK_SIZE for link in account.links)


def test_groups__the_class_is_coordinated_but_shows_no_extraction(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    rows = marts.execute(
        """
        select s.coordination_bits, s.is_flagged
        from intermediate.int_groups__scored as s
        where s.group_id in (
            select group_id from intermediate.int_group_members where account_key = 'student-000'
        ) and s.is_text
        """
    ).fetchall()
    assert rows, "the assignment text must be a candidate group"
    assert max(bits for bits, _ in rows) > 5
    assert not any(flagged for _, flagged in rows)


def test_groups__verified_accounts_are_never_members(marts: duckdb.DuckDBPyConnection) -> None:
    (count,) = marts.execute(
        "select count(*) from marts.fct_account_scores"
        " where account_key like 'evaluator%' and campaign_id is not null"
    ).fetchone()
    assert count == 0


def test_signals__no_signal_is_below_its_floor_or_above_its_cap(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    low, high = marts.execute(
        "select min(bits), max(bits) from intermediate.int_account_signals"
    ).fetchone()
    assert float(low) >= -0.63
    assert float(high) <= 6


def test_signals__are_rare_among_established_accounts(marts: duckdb.DuckDBPyConnection) -> None:
    """The tail probability is conformal: at most 5 % (and the ties) of the reference are hot."""
    rows = marts.execute(
        """
        select s.signal_code, avg(cast(s.is_hot as integer))
        from intermediate.int_account_signals as s
        inner join intermediate.int_reference_accounts as r using (account_key)
        group by s.signal_code
        """
    ).fetchall()
    assert len(rows) >= 10
    assert all(share <= 0.05 for _, share in rows), rows


def test_build__a_day_built_again_gives_the_same_marts(built: Settings) -> None:
    before = _dump(built.home)
    build_day(built, DAYS[1], "all")
    after = _dump(built.home)
    assert before.keys() == after.keys()
    for name in before:
        assert before[name] == after[name], name


def test_build__an_unknown_layer_is_named(built: Settings) -> None:
    with pytest.raises(ConfigError, match="'everything'"):
        build_day(built, DAYS[0], "everything")


def test_build__a_database_that_is_held_elsewhere_is_named(built: Settings) -> None:
    holder = duckdb.connect(str(built.home / "warehouse" / "build.duckdb"), read_only=True)
    try:
        with pytest.raises(WarehouseError, match=r"build\.duckdb"):
            build_day(built, DAYS[0], "behaviour")
    finally:
        holder.close()


def test_models__their_unit_tests_pass(built: Settings) -> None:
    """The daily build leaves them out: they try the models on made-up rows."""
    result = run_dbt(built, ["test", "--select", "test_type:unit"])
    statuses = {node.node.name: str(node.status) for node in result.result.results}
    assert statuses
    assert {name: status for name, status in statuses.items() if status != "pass"} == {}


def _count_by_day(home: Path) -> dict[object, int]:
    with duckdb.connect(str(home / "warehouse" / "build.duckdb"), read_only=True) as connection:
        return dict(
            connection.execute(
                "select activity_date, sum(exchange_count)::bigint from marts.fct_account_days "
                "group by activity_date"
            ).fetchall()
        )


def test_build__what_a_corrected_delivery_takes_back_is_gone(
    built: Settings, tmp_path: Path
) -> None:
    """A delivery with a few rows of its own and many late ones is delivered anew with none."""
    home = tmp_path / "home"
    shutil.copytree(built.home, home)
    before = _count_by_day(home)
    folder = home / "canonical/exchanges"
    partition = folder / f"dt={DAYS[2]}/source=main/part-0.parquet"
    late = pq.read_table(folder / f"dt={DAYS[1]}/source=main/part-0.parquet")
    rows = [
        {**row, "exchange_key": f"late-{row['exchange_key']}", "delivered_date": DAYS[2]}
        for row in late.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=late.schema), partition)
    build_day(Settings(home=home), DAYS[2], "all")
    assert _count_by_day(home) == {DAYS[0]: before[DAYS[0]], DAYS[1]: 2 * before[DAYS[1]]}
    pq.write_table(late.slice(0, 0), partition)
    build_day(Settings(home=home), DAYS[2], "all")
    assert _count_by_day(home) == {day: before[day] for day in DAYS[:2]}
    with duckdb.connect(str(home / "warehouse" / "build.duckdb"), read_only=True) as connection:
        for table in ("int_account_days__delivered", "int_identifier_days", "int_identifier_uses"):
            left = connection.execute(
                f"select count(*) from intermediate.{table} where delivered_date = ?", [DAYS[2]]
            ).fetchone()
            assert left == (0,), table

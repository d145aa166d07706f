"""A STILLWATCH_HOME with a few hand-made rows: canonical Parquet, ledger, private build."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from marts_ddl import MARTS_DDL

from stillwatch.canonical import ACCOUNTS, EXCHANGES
from stillwatch.quality.gates import fingerprint_audited, open_build_for_reading
from stillwatch.quality.results import CheckRow, GateOutcome, write_outcome
from stillwatch.quality.suites import Severity
from stillwatch.runs import get_paths, write_json
from stillwatch.settings import Settings
from stillwatch.warehouse.duckdb import load_ledgers

DAY = date(2026, 11, 5)


def make_settings(root: Path) -> Settings:
    for name in ("landing", "config"):
        (root / name).mkdir(exist_ok=True)
    return Settings(home=root / "home", landing_uri=str(root / "landing"), config=root / "config")


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def make_exchange(number: int, day: date = DAY, **changes: Any) -> dict[str, Any]:
    row = {
        "exchange_key": f"x{day:%m%d}{number}",
        "source_id": "native",
        "platform": "native",
        "exchange_id": f"e{number}",
        "account_key": f"a{number % 3}",
        "account_id": f"acc{number % 3}",
        "api_key_token": "k1",
        "event_at": at(day),
        "event_date": day,
        "event_hour": 12,
        "delivered_date": day,
        "model": "m-1",
        "status": "ok",
        "input_tokens": 10,
        "output_tokens": 20,
        "client_ip": "192.0.2.1",
        "ip_hex": "0" * 20 + "ffffc0000201",
        "user_agent_token": "u1",
        "ja4": "j1",
        "has_text": True,
        "prompt_fp": 7,
        "capability_code": "general",
    }
    return {**row, **changes}


def make_account(number: int, day: date = DAY, **changes: Any) -> dict[str, Any]:
    row = {
        "account_key": f"a{number}",
        "account_id": f"acc{number}",
        "source_id": "native",
        "platform": "native",
        "snapshot_date": day,
        "created_at": at(date(2026, 1, 1)),
        "status": "active",
        "email_domain": "example.com",
        "payment_token": "p1",
        "signup_ip": "192.0.2.1",
        "signup_ip_hex": "0" * 20 + "ffffc0000201",
    }
    return {**row, **changes}


def write_rows(
    settings: Settings, name: str, day: date, rows: list[dict[str, Any]], source: str = "native"
) -> None:
    schema = {"exchanges": EXCHANGES, "accounts": ACCOUNTS}[name]
    folder = get_paths(settings).canonical / name / f"dt={day}" / f"source={source}"
    folder.mkdir(parents=True, exist_ok=True)
    file = "part-0.parquet" if name == "exchanges" else "accounts.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / file)


def make_record(kind: str, accepted: int, day: date = DAY, **changes: Any) -> dict[str, Any]:
    """One ingestion record in which everything that was read was accepted."""
    record = {
        "kind": kind,
        "source_id": "native",
        "platform": "native",
        "format": "native",
        "delivered_date": day.isoformat(),
        "file_count": 1,
        "byte_count": 1000,
        "read_count": accepted,
        "accepted_count": accepted,
        "duplicate_count": 0,
        "quarantined_count": 0,
        "quarantined_by_reason": {},
        "blank_count": 0,
        "duplicate_file_count": 0,
        "refused_file_count": 0,
        "unknown_fields": {},
        "absent_columns": [],
        "files": [
            {
                "file_name": "one.jsonl",
                "byte_count": 1000,
                "sha256": "0" * 64,
                "state": "loaded",
                "reason": None,
                "read_count": accepted,
                "accepted_count": accepted,
                "duplicate_count": 0,
                "quarantined_by_reason": {},
                "blank_count": 0,
            }
        ],
    }
    return {**record, **changes}


def write_record(settings: Settings, record: dict[str, Any]) -> None:
    folder = get_paths(settings).ledger / "ingestion" / f"dt={record['delivered_date']}"
    write_json(folder / f"{record['kind']}.{record['source_id']}.json", record)


def write_day(settings: Settings, day: date = DAY, count: int = 6) -> None:
    """Write a day that every check accepts."""
    write_rows(settings, "exchanges", day, [make_exchange(n, day) for n in range(count)])
    write_rows(settings, "accounts", day, [make_account(n, day) for n in range(3)])
    write_record(settings, make_record("usage", count, day))
    write_record(settings, make_record("accounts", 3, day))


def open_build(settings: Settings) -> duckdb.DuckDBPyConnection:
    path = get_paths(settings).warehouse
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(path))
    connection.execute("set timezone = 'UTC'")
    return connection


def write_build(settings: Settings, days: tuple[date, ...] = (DAY,)) -> None:
    """Write a build that agrees with the canonical rows of `days`: one campaign, of a0 and a1."""
    path = get_paths(settings).warehouse
    path.unlink(missing_ok=True)
    files = [
        str(file)
        for day in days
        for file in (get_paths(settings).canonical / "exchanges" / f"dt={day}").rglob("*.parquet")
    ]
    with open_build(settings) as connection:
        connection.execute(MARTS_DDL)
        connection.execute(
            "insert into marts.dim_accounts select 'a' || n, 'native', 'acc' || n, 'active', "
            "timestamptz '2026-01-01', false, null, null, null from range(3) as t(n)"
        )
        connection.execute(
            "insert into marts.fct_account_days select account_key, event_date, count(*), "
            "count(*), 0, 0, 0, 0, sum(input_tokens), sum(output_tokens), 0, 1, 1, 1, 0.5, 1.0 "
            f"from read_parquet({files}, hive_partitioning = false) group by 1, 2"
        )
        for number, day in enumerate(days):
            _write_partition(connection, day, number)
        connection.execute(
            "insert into marts.dim_campaigns select campaign_id, status, "
            "timestamptz '2026-10-01', timestamptz '2026-11-01', account_count, 2, exchange_count, "
            "0, 90, campaign_probability, likelihood_term, confidence_level, 0.5, 0.4, 0.6, 3 "
            "from marts.fct_campaign_days where as_of_date = ?",
            [days[-1]],
        )
        connection.execute(
            "insert into marts.bridge_campaign_accounts select 'c1', 'a' || n, 0.9, 'core', false "
            "from range(2) as t(n)"
        )
        connection.execute(
            "insert into marts.dim_indicators values ('i1', 'f1', 'ipv4_cidr', 80, "
            "timestamptz '2026-01-01', timestamptz '2027-01-01', 'B', '2', 'TLP:CLEAR', "
            "'detection', 'CC0-1.0')"
        )
        connection.execute(
            "insert into marts.fct_campaign_lineage values "
            "(timestamptz '2026-11-01', '2026-11-01', 'born', 'c1', null, null)"
        )


def _write_partition(connection: duckdb.DuckDBPyConnection, day: date, number: int) -> None:
    connection.execute(
        "insert into marts.fct_account_scores select 'a' || n, ?, 0.5, 0.0, 0.0, "
        "case when n < 2 then 'c1' end from range(3) as t(n)",
        [day],
    )
    connection.execute(
        "insert into marts.fct_account_signals select 'a' || n, ?, 'timing__round_the_clock', 1, "
        "'timing', 0.5, 0.1, 100, 0.01, 1.2 from range(3) as t(n)",
        [day],
    )
    connection.execute(
        "insert into marts.fct_account_links select ?, 'a' || n, 'g1', 'payment', 1.0, '{}' "
        "from range(2) as t(n)",
        [day],
    )
    connection.execute(
        "insert into marts.bridge_cluster_accounts select ?, 'k1', 'a' || n, 0.9 "
        "from range(2) as t(n)",
        [day],
    )
    connection.execute(
        "insert into marts.fct_campaign_days values ('c1', ?, 'suspected', 2, 2, 0, 0, ?, 0, 90, "
        "4, 0, 2, 0.9, 'very likely', 'moderate', 0.5, 0.4, 0.6, 10)",
        [day, 100 + number],
    )
    connection.execute(
        "insert into marts.fct_campaign_evidence values ('c1', ?, 'ev' || ?, "
        "'timing__round_the_clock', 'timing', 'Two of two accounts.', 100, 1.2, 'A batch job.')",
        [day, str(day)],
    )
    connection.execute(
        "insert into marts.fct_campaign_coverage values ('c1', ?, 'round_the_clock', 'seen', "
        "2, 2, 1.0, 0.05, 'A batch job.')",
        [day],
    )
    connection.execute(
        "insert into marts.fct_campaign_comparisons values ('c1', ?, 'timing', 'g1', 'g2', "
        "'its accounts do not behave like extraction')",
        [day],
    )
    connection.execute(
        "insert into marts.fct_campaign_joins values ('c1', ?, 'a0', 'a1', 1, 1, 12, 1, 1, 2)",
        [day],
    )


def pass_gates(settings: Settings, *days: date) -> None:
    """Record that both gates passed on `days`, and that they saw the build as it is now."""
    paths = get_paths(settings)
    row = CheckRow("marts.t", "rows_were_there", None, Severity.CRITICAL, True, "1", "1", 1, None)
    with open_build_for_reading(settings, paths) as connection:
        seen = fingerprint_audited(connection, "build.marts")
    for day in days:
        write_outcome(paths, GateOutcome(day, "raw", (row,)), None)
        write_outcome(paths, GateOutcome(day, "marts", (row,)), seen)


def build_reporting(settings: Settings, day: date, layer: str) -> None:
    """Stand in for the reporting layer of the dbt project: the ledger as tables."""
    assert layer == "reporting"
    with open_build(settings) as connection:
        load_ledgers(connection, get_paths(settings), day)
        connection.execute(
            "create or replace table marts.rpt_data_quality as "
            "select * exclude (success), if(success, 'passed', 'failed') as result "
            "from raw.quality_results"
        )
        connection.execute("create or replace table marts.rpt_ingestion as from raw.ingestion")
        connection.execute("create or replace table marts.fct_reports as from raw.reports")


def make_report(report_id: str, snapshot_id: str, **changes: Any) -> dict[str, Any]:
    record = {
        "report_id": report_id,
        "version": 1,
        "kind": "initial",
        "audience": "leadership",
        "document": "leadership_brief",
        "subject_id": None,
        "period_from": DAY.isoformat(),
        "period_until": (DAY + timedelta(days=1)).isoformat(),
        "marking": "TLP:AMBER+STRICT",
        "state": "draft",
        "sha256": "0" * 64,
        "snapshot_id": snapshot_id,
        "approved_by": None,
        "approved_at": None,
        "comment": None,
        "released_at": None,
        "supersedes": None,
    }
    return {**record, **changes}


def write_report(settings: Settings, record: dict[str, Any]) -> None:
    name = f"{record['report_id']}.v{record['version']}.json"
    write_json(get_paths(settings).ledger / "reports" / name, record)

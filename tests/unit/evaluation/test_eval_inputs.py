from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import canonical
from stillwatch.errors import InputError
from stillwatch.evaluation.competitors.world_tables import WORLD_FEATURES, load_world_tables
from stillwatch.evaluation.inputs import read_world_result

FIRST, LAST, LATER = date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3)
ACCOUNTS = ("ka", "kb", "kc")  # account ids a, b, c; d was never seen
RATIOS = [name for name in WORLD_FEATURES if name.startswith(("capability_", "technique_"))]


def make_warehouse(path: Path) -> Path:
    """Write a published file with the few marts that the evaluation reads."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.dim_accounts as select 'k' || id as account_key, "
            "'main' as platform, id as account_id, "
            "case id when 'a' then timestamptz '2026-01-01 00:00:00Z' "
            "when 'b' then timestamptz '2026-10-31 00:00:00Z' end as created_at "
            "from (values ('a'), ('b'), ('c')) as t(id)"
        )
        connection.execute(
            "create table marts.fct_account_days as select account_key, activity_date, "
            "n as exchange_count, 0 as refused_count, 0 as rate_limited_count, 0 as blocked_count, "
            "10 * n as input_tokens, 20 * n as output_tokens, cast(null as bigint) as "
            "reasoning_tokens, 5 as active_hour_count, 2 as distinct_ip_count, "
            "1 as distinct_user_agent_count, 0.5 as top_template_ratio, "
            + ", ".join(f"0.25 as {name}" for name in RATIOS)
            + " from (values ('ka', date '2026-11-01', 10), ('ka', date '2026-11-02', 30), "
            "('kb', date '2026-11-02', 7), ('kc', date '2026-11-02', 1), "
            "('ka', date '2026-11-03', 999)) as t(account_key, activity_date, n)"
        )
        connection.execute(
            "create table marts.fct_account_scores as select * from (values "
            "('ka', date '2026-11-01', 0.1, -1.5, null), "
            "('ka', date '2026-11-02', 0.9, 2.5, 'C1'), "
            "('kb', date '2026-11-02', 0.8, 1.5, 'C1'), "
            "('kc', date '2026-11-02', 0.2, null, null)) "
            "as t(account_key, as_of_date, suspicion_probability, own_log10_odds, campaign_id)"
        )
        connection.execute(
            "create table marts.fct_campaign_days as select 'C1' as campaign_id, "
            "date '2026-11-02' as as_of_date, 0.4 as extraction_ratio, "
            "0.3 as extraction_ratio_low, 0.6 as extraction_ratio_high"
        )
    return path


def make_truth(folder: Path) -> Path:
    """Write the truth of four accounts, three of them attackers."""
    folder.mkdir()
    people = [("a", "relay"), ("b", "relay"), ("c", None), ("d", "slow")]
    rows = [
        {"platform": "main", "source_id": "s", "account_id": account, "campaign": campaign,
         "cohort": f"{campaign}.pool" if campaign else "ordinary"}
        for account, campaign in people
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "accounts.parquet")
    exchanges = [
        {"source_id": "s", "account_id": account, "campaign": campaign, "event_date": day,
         "is_extraction": n % 2 == 0}
        for account, campaign, day, count in (
            ("a", "relay", FIRST, 4), ("b", "relay", LAST, 6), ("c", None, LAST, 5),
            ("d", "slow", LAST, 2), ("a", "relay", LATER, 50),
        )
        for n in range(count)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(exchanges), folder / "exchanges.parquet")
    return folder


def make_canonical(folder: Path) -> Path:
    """Write exchanges of two accounts that share a card, and one of a later delivery."""

    def write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        filled = [{**dict.fromkeys(schema.names), **row} for row in rows]
        pq.write_table(pa.Table.from_pylist(filled, schema=schema), path)

    for day in (FIRST, LAST, LATER):
        exchanges = [
            {
                "exchange_key": f"{day}-{key}-{n}", "source_id": "s", "platform": "main",
                "exchange_id": f"{n}", "account_key": key, "account_id": key[1:],
                "event_at": datetime(day.year, day.month, day.day, n, tzinfo=UTC),
                "event_date": day, "event_hour": n, "delivered_date": day, "model": "m",
                "status": "ok", "has_text": True, "prefix_fp_8": 5, "prefix_fp_16": 50 + n,
                "ja4": "t13" if n else "t12", "client_country": "US", "technique_codes": [],
                "prompt_char_count": 100,
            }
            for key in ("ka", "kb")
            for n in range(3)
        ]  # fmt: skip
        name = f"dt={day}/source=s"
        write(folder / f"exchanges/{name}/part-0.parquet", exchanges, canonical.EXCHANGES)
        accounts = [
            {
                "account_key": key, "account_id": key[1:], "source_id": "s", "platform": "main",
                "snapshot_date": day, "created_at": datetime(2026, 1, 1, tzinfo=UTC),
                "status": "active", "payment_token": "card" if key != "kc" else f"own {day}",
            }
            for key in ACCOUNTS
        ]  # fmt: skip
        write(folder / f"accounts/{name}/accounts.parquet", accounts, canonical.ACCOUNTS)
    return folder


def test_world_result__joins_truth_and_marts(tmp_path: Path) -> None:
    found = read_world_result(
        "toy", make_truth(tmp_path / "truth"), make_warehouse(tmp_path / "w.duckdb")
    )
    assert (found.first_day, found.last_day) == (FIRST, LAST)
    assert [each.account_key for each in found.truth] == ["ka", "kb", "kc", "main/d"]
    assert found.campaign_of == {"ka": "relay", "kb": "relay", "main/d": "slow"}
    assert {key: float(score) for key, score in found.scores.items()} == {
        "ka": 0.9, "kb": 0.8, "kc": 0.2
    }  # fmt: skip
    assert {key: float(odds) for key, odds in found.own_scores.items()} == {"ka": 2.5, "kb": 1.5}
    assert found.flagged == {"ka", "kb"}
    days = {(row.account_key, row.day): row for row in found.activity}
    assert set(days) == {("ka", FIRST), ("kb", LAST), ("main/d", LAST)}  # nothing later
    assert (days["kb", LAST].exchange_count, days["kb", LAST].extraction_count) == (6, 3)
    (size,) = found.sizes
    assert (size.campaign, size.true_value, float(size.estimated_value or 0)) == ("C1", 0.5, 0.4)
    assert size.is_within


def test_world_result__names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"accounts\.parquet is missing: simulate"):
        read_world_result("toy", tmp_path, tmp_path / "w.duckdb")


def test_world_tables__hold_the_period_and_no_later_day(tmp_path: Path) -> None:
    found = load_world_tables(
        "toy",
        make_warehouse(tmp_path / "w.duckdb"),
        make_canonical(tmp_path / "canonical"),
        FIRST,
        LAST,
    )
    assert found.account_keys == ACCOUNTS
    assert found.get_feature("log_busiest_day_exchanges").tolist() == pytest.approx(
        np.log([31, 8, 2]).tolist()
    )
    assert found.get_feature("active_days").tolist() == [2, 1, 1]
    assert np.isnan(found.get_feature("log_reasoning_tokens")).all()
    assert found.tenure_days.tolist()[:2] == [305, 2]
    assert np.isnan(found.tenure_days[2])
    assert found.is_established.tolist() == [True, False, False]
    assert found.attributes["ja4"].tolist() == ["t13", "t13", ""]
    # The shared card, and the three shared prefixes; kc's own card connects nobody.
    assert sorted(found.shared.value_types) == ["payment"] + ["template"] * 3
    assert sorted(set(found.shared.account.tolist())) == [0, 1]
    assert found.shared.value.max() == found.shared.value_count - 1
    assert np.bincount(found.exchanges.account).tolist() == [6, 6]
    assert found.exchanges.starts[-1] == len(found.exchanges.hashes)


def test_world_tables__refuse_an_unknown_feature_and_a_missing_folder(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "w.duckdb")
    with pytest.raises(InputError, match=r"exchanges is missing: run the pipeline"):
        load_world_tables("toy", warehouse, tmp_path / "none", FIRST, LAST)
    canonical_folder = make_canonical(tmp_path / "canonical")
    found = load_world_tables("toy", warehouse, canonical_folder, FIRST, LAST)
    with pytest.raises(InputError, match="no feature 'truth'"):
        found.get_feature("truth")


def test_world_tables__carry_nothing_of_the_truth(tmp_path: Path) -> None:
    found = load_world_tables(
        "toy",
        make_warehouse(tmp_path / "w.duckdb"),
        make_canonical(tmp_path / "canonical"),
        FIRST,
        LAST,
    )
    names = json.dumps([*found.feature_names, *found.attributes, *found.__dataclass_fields__])
    assert not any(word in names for word in ("campaign", "cohort", "attacker", "suspicion"))

"""The fast mode says of a world what its landed logs say, once both are canonical data.

The accounts are the same in both; what they do is drawn anew. So the means per account must agree
within four standard errors, and what accounts share must be shared by as many.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from stillwatch.canonical import EXCHANGES
from stillwatch.errors import ConfigError
from stillwatch.evaluation.fast_ingest import FastIngest
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_day
from stillwatch.worlds.fast import write_fast
from stillwatch.worlds.model import deliver_as
from stillwatch.worlds.population import make_parts, make_population
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.replays import pick_foreign
from stillwatch.worlds.simulate import FAST_FOLDER, write

WORLD = Path(__file__).with_name("fast_world.yml")
STANDARD_ERRORS = 4.0
FEWEST_ACCOUNTS = 10  # below it a standard error says nothing
SHARED_RATIO, SHARED_SLACK = 0.25, 10  # values and holders: within a quarter, or ten

MEASURES = {
    "exchanges": "count(*)",
    "refused": "avg((status = 'refused')::int)",
    "rate limited": "avg((status = 'rate_limited')::int)",
    "input tokens": "avg(ln(input_tokens))",
    "output tokens": "avg(ln(1 + output_tokens))",
    "reasoning": "avg((reasoning_tokens > 0)::int)",
    "limit known": "avg((max_tokens is not null)::int)",
    "temperature": "avg(coalesce(temperature, -1))",
    "artefacts known": "avg((artifacts_submitted is not null)::int)",
    "system prompts": "avg((system_fp is not null)::int)",
    "techniques": "avg(len(technique_codes))",
    "reasoning asked": "avg((capability_code = 'reasoning')::int)",
    "coding asked": "avg((capability_code = 'coding')::int)",
    "new prompts": "count(distinct prompt_fp) / count(*)",
    "templates": "count(distinct prefix_fp_8) / count(*)",
    "addresses": "count(distinct ip_token)",
    "networks": "count(distinct ip_net_token)",
    "clients": "count(distinct client_token)",
    "end users": "count(distinct end_user_token)",
    "sessions": "count(distinct session_token)",
    "turns": "avg(message_count)",
    "newest model": "avg((model like '%meridian-5%')::int)",
    "hours": "count(distinct event_hour)",
}
SHARED = {
    name: name
    for name in (
        *("prefix_fp_8", "prefix_fp_16", "prefix_fp_32", "suffix_fp_6", "suffix_fp_12"),
        *("system_fp", "client_token", "ip_token"),
    )
} | {"minhash band": "unnest(minhash_bands[:6])"}


@dataclass(frozen=True)
class Both:
    """The same world in both modes, as canonical exchanges with the true cohort."""

    connection: duckdb.DuckDBPyConnection
    truth: Path

    def measure(self, mode: str, value: str) -> dict[str, list[float]]:
        """Return one value per account, by cohort."""
        rows = self.connection.execute(
            f"select cohort, {value} as value from {mode} group by cohort, account_key"
        ).fetchall()
        cohorts: dict[str, list[float]] = {}
        for cohort, each in rows:
            cohorts.setdefault(cohort, []).append(float(each or 0.0))
        return cohorts

    def count_shared(self, mode: str, value: str) -> tuple[int, int]:
        """Return how many values at least three accounts hold, and how many hold one each."""
        row = self.connection.execute(
            f"""
            select count(*), coalesce(sum(holders), 0) from (
                select value, count(distinct account_key) as holders
                from (select account_key, {value} as value from {mode})
                where value is not null group by value having holders >= 3
            )
            """
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    root = tmp_path_factory.mktemp("modes")
    key = root / "deployment.key"
    key.write_text("00" * 32 + "\n")
    key.chmod(0o600)
    world = load_world(str(WORLD))
    # what is delivered late or twice is about logs, not about the world
    world = replace(world, delivery=replace(world.delivery, late_ratio=0.0))

    def make_settings(mode: str) -> Settings:
        return Settings(
            home=root / mode / "home",
            landing_uri=str(root / mode / "landing"),
            config=root / mode / "config",
            key_file=key,
        )

    write(world, root / "logs/landing", root / "logs/truth")
    for day in world.dates:
        ingest_day(make_settings("logs"), day)
    write_fast(world, root / "fast/landing", root / "fast/truth")
    ingest = FastIngest(
        make_settings("fast"), root / "fast/landing" / FAST_FOLDER, root / "scratch.duckdb"
    )
    for day in world.dates:
        ingest.ingest_day(day)
    with duckdb.connect() as connection:
        for mode in ("logs", "fast"):
            files = root / mode / "home/canonical/exchanges/dt=*/source=*/part-0.parquet"
            connection.execute(
                f"create table {mode} as select e.*, t.cohort "
                f"from read_parquet('{files}', hive_partitioning = false) as e "
                f"inner join read_parquet('{root / mode}/truth/accounts.parquet') as t "
                "on e.source_id = t.source_id and e.account_id = t.account_id"
            )
        yield Both(connection, root / "fast/truth")


@pytest.mark.parametrize("measure", MEASURES)
def test_fast_world__means_per_account_agree_with_the_landed_logs(both: Both, measure: str) -> None:
    logs, fast = (both.measure(mode, MEASURES[measure]) for mode in ("logs", "fast"))
    compared = [name for name in logs if len(logs[name]) >= FEWEST_ACCOUNTS and name in fast]
    assert len(compared) >= 5
    for cohort in compared:
        one, other = np.array(logs[cohort]), np.array(fast[cohort])
        error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
        assert abs(one.mean() - other.mean()) <= STANDARD_ERRORS * error + 0.02, cohort


@pytest.mark.parametrize("kind", SHARED)
def test_fast_world__as_many_accounts_share_as_in_the_landed_logs(both: Both, kind: str) -> None:
    logs, fast = (both.count_shared(mode, SHARED[kind]) for mode in ("logs", "fast"))
    assert logs[0] > 0
    for wanted, found in zip(logs, fast, strict=True):
        assert abs(found - wanted) <= SHARED_RATIO * wanted + SHARED_SLACK


def test_fast_world__what_a_platform_does_not_log_is_null(both: Both) -> None:
    unread = {"api_key_token", "endpoint"}
    where_shared = {"prefix_fp_16", "prefix_fp_32", "suffix_fp_6", "suffix_fp_12", "minhash_bands"}
    columns = [name for name in EXCHANGES.names if name not in unread | where_shared]
    known = ", ".join(f"count({name})" for name in columns)
    query = "select platform, {} from {} group by platform order by platform"
    logs, fast = (
        both.connection.execute(query.format(known, mode)).fetchall() for mode in ("logs", "fast")
    )
    assert len(logs) == 2
    for row, same in zip(logs, fast, strict=True):
        for name, count, other in zip(columns, row[1:], same[1:], strict=True):
            assert (count > 0) == (other > 0), (row[0], name)


def test_fast_world__truth_counts_what_the_columns_hold(both: Both) -> None:
    days = pq.read_table(both.truth / "account_days.parquet").to_pylist()
    total = both.connection.execute("select count(*) from fast").fetchone()
    assert total is not None
    assert sum(day["exchange_count"] for day in days) == total[0]
    planted = sum(day["campaign_exchange_count"] for day in days)
    extracted = sum(day["extraction_count"] for day in days)
    assert 0 < extracted < planted < total[0]


def test_fast_world__a_replayed_artefact_was_issued_to_another_account(both: Both) -> None:
    row = both.connection.execute(
        """
        with issued as (select account_key, unnest(artifacts_issued) as token from fast),
        submitted as (
            select account_key, cohort, unnest(artifacts_submitted) as token from fast
        )
        select count(*) filter (where i.account_key <> s.account_key),
            count(*) filter (
                where i.account_key <> s.account_key and s.cohort not like 'artifact%'
            ),
            count(*) filter (where i.account_key is null), count(*)
        from submitted as s left join issued as i on s.token = i.token
        """
    ).fetchone()
    assert row is not None
    foreign, elsewhere, never_issued, total = row
    assert foreign > 50
    assert elsewhere == 0
    assert never_issued == 0
    assert total > foreign


def _digest(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_write_fast__same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    world = load_world("tiny")
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        write_fast(world, tmp_path / name / "landing", tmp_path / name / "truth", seed)
    first, again, other = (_digest(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    differing = [name for name in first if first[name] != other.get(name)]
    exchanges = [name for name in first if "/exchanges/" in name]
    assert len(exchanges) == world.days
    assert set(exchanges) <= set(differing)


def test_write_fast__writes_only_the_days_that_are_asked_for(tmp_path: Path) -> None:
    world = load_world("tiny")
    write_fast(world, tmp_path / "landing", tmp_path / "truth", days=2)
    days = {path.parent.name for path in tmp_path.glob("landing/*/exchanges/*/*.parquet")}
    assert days == {"dt=2026-11-01", "dt=2026-11-02"}
    snapshots = {path.parent.name for path in tmp_path.glob("landing/accounts/*/*/*.jsonl.gz")}
    assert snapshots == {"dt=2026-11-02"}


def test_write_fast__refuses_a_format_whose_gaps_it_does_not_know(tmp_path: Path) -> None:
    world = deliver_as(load_world("tiny"), "otel_genai")
    with pytest.raises(ConfigError, match=r"otel_genai.*simulate this world in full"):
        write_fast(world, tmp_path / "landing", tmp_path / "truth")


def test_make_parts__gives_the_accounts_of_the_whole_population() -> None:
    world = load_world("tiny")
    whole = {account.account_id: account for account in make_population(world, 5).accounts}
    parts = list(make_parts(world, 5, size=25))
    assert [len(part.accounts) for part in parts] == [25, 25, 12]
    for part in parts:
        assert [account.number for account in part.accounts] == list(range(len(part.accounts)))
        for account in part.accounts:
            assert replace(account, number=0) == replace(whole.pop(account.account_id), number=0)
    assert not whole


def test_pick_foreign__takes_an_earlier_artefact_of_another_account() -> None:
    account = np.array([1, 2, 1, 2, 3, 1] * 50)
    issued = np.arange(0, 300, 3)
    asking = np.arange(300)
    found = pick_foreign(np.random.default_rng(1), asking, issued, account)
    taken = found >= 0
    assert taken.sum() > 280
    assert np.isin(found[taken], issued).all()
    assert (found[taken] < asking[taken]).all()
    assert (account[found[taken]] != account[asking[taken]]).all()
    assert Counter(found[taken].tolist()).most_common(1)[0][1] < 30

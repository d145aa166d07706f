"""The demo world, all twelve days: the planted campaigns are found, nobody else is accused.

The truth set is read by this test only; it lies outside the landing folder and nothing that the
pipeline reads carries it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from stillwatch.runs import days_between
from stillwatch.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 12)
MINIMUM_RECALL = {"hydra": 0.9, "graders": 0.9, "lowslow": 0.7}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    from stillwatch.pipeline import run_day
    from stillwatch.worlds.simulate import write_world

    root = tmp_path_factory.mktemp("demo_world")
    write_world("demo", root / "landing", root / "truth", None)
    settings = Settings(
        home=root / "home", landing_uri=str(root / "landing"), config=root / "config"
    )
    for day in days_between(FIRST, LAST):
        run_day(settings, day, reports=False)
    return settings, root / "truth"


def _members(demo: tuple[Settings, Path]) -> list[tuple[str, str, str, str, str]]:
    """Return campaign, planted campaign, cohort, platform and account of every member."""
    settings, truth = demo
    with duckdb.connect(str(settings.home / "published" / "current.duckdb"), read_only=True) as db:
        return db.execute(
            """
            select b.campaign_id, coalesce(t.campaign, 'benign'), t.cohort, a.platform, a.account_id
            from marts.bridge_campaign_accounts as b
            inner join marts.dim_accounts as a using (account_key)
            left join read_parquet(?) as t
                on t.account_id = a.account_id and t.platform = a.platform
            """,
            [str(truth / "accounts.parquet")],
        ).fetchall()


def test_demo_world__every_planted_campaign_is_found_with_its_accounts(
    demo: tuple[Settings, Path],
) -> None:
    members = _members(demo)
    with duckdb.connect() as db:
        planted = dict(
            db.execute(
                "select campaign, count(*) from read_parquet(?) where is_attacker group by 1",
                [str(demo[1] / "accounts.parquet")],
            ).fetchall()
        )
    assert set(planted) == set(MINIMUM_RECALL)
    for name, minimum in MINIMUM_RECALL.items():
        found = [row for row in members if row[1] == name]
        campaigns = {row[0] for row in found}
        assert len(campaigns) == 1, f"{name} is in {len(campaigns)} campaigns"
        everyone = [row for row in members if row[0] in campaigns]
        precision, recall = len(found) / len(everyone), len(found) / planted[name]
        print(f"{name}: precision {precision:.3f}, recall {recall:.3f} of {planted[name]} accounts")
        assert precision >= 0.9, name
        assert recall >= minimum, name


def test_demo_world__no_benign_cohort_is_reported(demo: tuple[Settings, Path]) -> None:
    members = _members(demo)
    campaigns = {row[0] for row in members}
    assert len(campaigns) == len(MINIMUM_RECALL)
    for campaign in campaigns:
        rows = [row for row in members if row[0] == campaign]
        benign = [row for row in rows if row[1] == "benign"]
        assert len(benign) / len(rows) < 0.1, sorted({row[2] for row in benign})


def test_demo_world__the_hydra_spans_both_platforms(demo: tuple[Settings, Path]) -> None:
    platforms = {row[3] for row in _members(demo) if row[1] == "hydra"}
    assert len(platforms) == 2


def test_demo_world__rows_read_are_accepted_duplicate_or_quarantined(
    demo: tuple[Settings, Path],
) -> None:
    with duckdb.connect(str(demo[0].home / "published" / "current.duckdb"), read_only=True) as db:
        rows = db.execute(
            "select read_count, accepted_count + duplicate_count + quarantined_count,"
            " quarantined_count from marts.rpt_ingestion"
        ).fetchall()
    assert len(rows) >= 12 * 4 - 4
    assert all(read == sum_ for read, sum_, _ in rows)
    assert sum(quarantined for *_, quarantined in rows) > 0

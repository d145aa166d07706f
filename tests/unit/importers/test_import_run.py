"""What holds for every kind: conservation, determinism, safety of other data, the registry."""

from __future__ import annotations

import shutil
import tracemalloc
from datetime import UTC, date, datetime

import orjson
import pytest
import yaml
from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.docs_generator import make_pages
from stillwatch.errors import ConfigError, InputError
from stillwatch.importers.accounts import RATE_SIGMA, AccountPool, render_registry
from stillwatch.importers.kinds import IMPORTERS
from stillwatch.importers.model import Origin
from stillwatch.importers.window import DAY_SECONDS, Window, keep_times, stretch_times
from stillwatch.project import get_project_root
from stillwatch.settings import Settings
from stillwatch.sources.adapter import EXCHANGE_FIELDS
from stillwatch.sources.ingest import ingest_day
from stillwatch.worlds.traces import get_rate_sigma

FIRST_DAY = date(2026, 11, 1)
HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens"


@pytest.fixture
def trace(write_file):
    """Return an Azure trace of five days with forty requests a day."""
    rows = [
        f"2024-05-{10 + n // 40} {n % 24:02d}:{n % 60:02d}:00+00:00,{n + 1},{n % 7}"
        for n in range(200)
    ]
    return write_file("conv.csv", HEAD, *sorted(rows))


def test_import__read_is_written_and_skipped(landed, trace):
    summary = landed.run("azure", [trace], days=2, skip_days=1, sample=0.5, limit=190)
    assert summary.read_count == 190
    assert set(summary.skipped_by_reason) == {"after_window", "before_window", "not_sampled"}
    assert summary.read_count == summary.written_count + sum(summary.skipped_by_reason.values())
    assert summary.written_count == sum(summary.written_by_day.values()) == len(landed.read())
    manifest = orjson.loads((landed.root / "landing/usage/background/import.json").read_bytes())
    assert manifest["written_count"] == summary.written_count
    assert manifest["skipped_by_reason"] == summary.skipped_by_reason


def test_import__is_deterministic_and_follows_its_seed(landed, trace):
    landed.run("azure", [trace])
    first = landed.list_bytes()
    landed.run("azure", [trace], replace=True)
    assert landed.list_bytes() == first
    landed.run("azure", [trace], replace=True, seed=1)
    assert landed.list_bytes() != first


def test_import__stretch_fills_the_days_and_loses_nothing(landed, write_file):
    rows = [f"2023-11-16 18:{n:02d}:00,1,1" for n in range(60)]
    summary = landed.run("azure", [write_file("c.csv", HEAD, *rows)], days=3, times="stretch")
    assert summary.written_count == 60
    assert all(18 <= count <= 22 for count in summary.written_by_day.values())
    times = [datetime.fromisoformat(row["event_at"]) for row in landed.read()]
    assert (times[-1] - times[0]).total_seconds() == pytest.approx(3 * 86400, abs=1)


def test_import__is_ingested_without_a_reject(landed, trace, tmp_path):
    summary = landed.run("azure", [trace], days=2)
    settings = Settings(home=tmp_path / "home", landing_uri=str(landed.root / "landing"))
    results = [result for day in summary.written_by_day for result in ingest_day(settings, day)]
    usage = [result for result in results if result.kind == "usage"]
    accounts = [result for result in results if result.kind == "accounts"]
    assert sum(result.accepted_count for result in usage) == summary.written_count
    assert [result.accepted_count for result in accounts] == [summary.account_count] * 2
    assert all(not result.quarantined_by_reason for result in results)


def test_import__registry_covers_every_account_and_none_is_younger_than_its_exchanges(
    landed, trace
):
    landed.run("azure", [trace])
    registry = {row["account_id"]: row for row in landed.read("accounts")}
    assert {row["account_id"] for row in landed.read()} == set(registry)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    assert all(datetime.fromisoformat(row["created_at"]) < start for row in registry.values())
    assert all(set(row) == {"account_id", "created_at", "status"} for row in registry.values())


def test_import__describes_itself(landed, trace):
    landed.run("azure", [trace])
    about = yaml.safe_load((landed.root / "landing/usage/background/source.yml").read_text())
    assert about["format"] == "native"
    assert "imported by stillwatch" in about["handling"]
    assert "CC-BY-4.0" in about["licence"]


def test_import__memory_does_not_grow_with_the_rows(landed, write_file):
    def measure(count: int) -> int:
        rows = (f"2024-05-10 {n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d},9,9"
                for n in range(count))  # fmt: skip
        path = write_file(f"conv-{count}.csv", HEAD, *rows)
        tracemalloc.start()
        landed.run("azure", [path], source_id=f"s{count}", account_count=20)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    measure(100)  # imports and caches
    assert measure(16_000) < measure(2_000) + 300_000


def test_import__never_touches_other_data(landed, trace):
    other = landed.root / "landing/usage/background/dt=2026-11-01/real.jsonl"
    other.parent.mkdir(parents=True)
    other.write_text("{}\n")
    with pytest.raises(ConfigError, match="holds data that was not imported"):
        landed.run("azure", [trace], replace=True)
    assert other.read_text() == "{}\n"


def test_import__never_touches_a_registry_without_usage(landed, trace):
    other = landed.root / "landing/accounts/background/dt=2026-11-01/accounts.jsonl"
    other.parent.mkdir(parents=True)
    other.write_text("{}\n")
    with pytest.raises(ConfigError, match="holds data that was not imported"):
        landed.run("azure", [trace], replace=True)
    assert other.exists()


def test_import__half_of_an_earlier_import_can_be_replaced(landed, trace):
    landed.run("azure", [trace])
    shutil.rmtree(landed.root / "landing/usage/background")  # as if stopped between two renames
    landed.run("azure", [trace], replace=True)
    assert landed.read()


def test_import__an_earlier_import_is_replaced_only_if_asked(landed, trace):
    landed.run("azure", [trace], days=3)
    with pytest.raises(ConfigError, match="give --replace"):
        landed.run("azure", [trace], days=1)
    landed.run("azure", [trace], days=1, replace=True)
    folder = landed.root / "landing/usage/background"
    assert sorted(path.name for path in folder.glob("dt=*")) == ["dt=2026-11-01"]


def test_import__a_failed_import_leaves_the_earlier_one(landed, trace, write_file):
    landed.run("azure", [trace])
    before = landed.list_bytes()
    broken = write_file("b.csv", HEAD, "2024-05-10 00:00:00+00:00,1,1", "x,1,1")
    with pytest.raises(InputError, match="line 3"):
        landed.run("azure", [broken], replace=True)
    assert landed.list_bytes() == before


def test_import__nothing_in_the_window_says_what_to_try(landed, trace):
    with pytest.raises(InputError, match=r"200 read, skipped: \{'before_window': 200\}"):
        landed.run("azure", [trace], skip_days=30)


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        ({"days": 0}, "--days 0"),
        ({"days": 367}, "--days 367"),
        ({"sample": 0.0}, "--sample 0"),
        ({"sample": 1.5}, "--sample 1.5"),
        ({"account_count": 0}, "--accounts 0"),
        ({"limit": 0}, "--limit 0"),
        ({"skip_days": -1}, "--skip-days -1"),
        ({"seed": -1}, "--seed -1"),
        ({"times": "stretch", "skip_days": 1}, "--skip-days has no meaning"),
        ({"source_id": "../up"}, "--source-id '../up'"),
    ],
)
def test_import__names_a_wrong_choice(landed, trace, choices, named):
    with pytest.raises(ConfigError) as caught:
        landed.run("azure", [trace], **choices)
    assert named in str(caught.value)
    assert not landed.root.exists()


def test_window__is_half_open_and_survives_rounding():
    window = Window(FIRST_DAY, 1, origin=0.0)
    assert window.place(0.0) == window.start
    assert window.place(-1e-6) is None
    assert window.place(DAY_SECONDS) is None
    assert window.place(DAY_SECONDS - 1e-7) is None  # would be rounded into the next day
    placed = window.place(DAY_SECONDS - 1e-3)
    assert placed is not None
    assert datetime.fromtimestamp(placed, tz=UTC).date() == FIRST_DAY


def test_keep_times__moves_whole_days():
    window = keep_times(FIRST_DAY, 2, earliest=10 * DAY_SECONDS + 3600.0, skip_days=1)
    assert window.place(11 * DAY_SECONDS + 7200.0) == window.start + 7200.0
    assert window.place(10 * DAY_SECONDS + 3600.0) is None


def test_stretch_times__places_a_single_instant():
    window = stretch_times(FIRST_DAY, 2, 5.0, 5.0)
    assert window.place(5.0) == window.start


def test_account_pool__is_uneven_and_depends_on_the_key_only():
    pool = AccountPool("x", 50, seed=3)
    picks = [pool.pick(f"k{n}") for n in range(4000)]
    assert picks == [AccountPool("x", 50, seed=3).pick(f"k{n}") for n in range(4000)]
    counts = sorted((picks.count(account) for account in set(picks)), reverse=True)
    assert counts[0] > 10 * counts[len(counts) // 2]


def test_account_pool__spread_is_the_fitted_one():
    assert pytest.approx(get_rate_sigma(), abs=0.01) == RATE_SIGMA


def test_render_registry__a_quarter_is_young():
    lines = render_registry((f"a{n}" for n in range(2000)), FIRST_DAY, seed=1)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    ages = [
        (start - datetime.fromisoformat(orjson.loads(line)["created_at"])).days for line in lines
    ]
    young = sum(age < 30 for age in ages) / len(ages)
    assert young == pytest.approx(0.25, abs=0.04)
    assert max(ages) <= 1000
    assert sum(age >= 90 for age in ages) > len(ages) / 3  # some are established


@pytest.mark.parametrize("kind", IMPORTERS)
def test_importer__notes_every_field_once_and_only_fields_of_the_format(kind):
    names = [note.field for note in IMPORTERS[kind].notes]
    assert len(set(names)) == len(names)
    assert set(names) <= set(EXCHANGE_FIELDS)
    assert {"exchange_id", "event_at", "account_id", "model", "status"} <= set(names)
    assert all(note.origin is not Origin.ABSENT for note in IMPORTERS[kind].notes)
    invented = {n.field for n in IMPORTERS[kind].notes if n.origin is Origin.INVENTED}
    assert invented <= {"account_id", "model", "status"}  # nothing optional is ever made up


def test_import_page__is_current():
    root = get_project_root()
    pages = {str(path): text for path, text in make_pages(root).items()}
    assert (root / "docs/reference/import.md").read_text() == pages["docs/reference/import.md"]


def test_import_verb__teaches_and_prints_the_fate_of_records(landed, trace):
    runner = CliRunner()
    told = runner.invoke(cli, ["import", "--help"])
    assert told.exit_code == 0
    assert all(kind in told.output for kind in IMPORTERS)
    into = landed.root / "landing"
    done = runner.invoke(
        cli,
        ["import", "azure", str(trace), "--into", str(into), "--source-id", "background",
         "--first-day", "2026-11-01", "--days", "2"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "skipped, after_window" in done.output
    assert len(landed.read()) == 80


def test_import_verb__needs_a_local_landing_root(trace, monkeypatch):
    monkeypatch.setattr(
        "stillwatch.cli.import_.get_settings", lambda: Settings(landing_uri="s3://bucket/landing")
    )
    done = CliRunner().invoke(
        cli,
        ["import", "azure", str(trace), "--source-id", "x", "--first-day", "2026-11-01",
         "--days", "2"],
    )  # fmt: skip
    assert isinstance(done.exception, ConfigError)
    assert "--into FOLDER" in str(done.exception)

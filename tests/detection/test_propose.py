"""A proposal on the small world: what it would change, and that it changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_world import DAYS, NETWORK_SIZE, write_small_world

from stillwatch.cli import cli
from stillwatch.errors import InputError, WarehouseError
from stillwatch.runs import utc_now
from stillwatch.settings import Settings, get_settings
from stillwatch.transform.build import build_day
from stillwatch.transform.comparison import Change
from stillwatch.transform.proposals import ProposalOrder, propose


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("propose")
    write_small_world(home)
    settings = Settings(home=home)
    for day in DAYS[:2]:
        build_day(settings, day, "all")
    return settings


def _order(**changes: float) -> ProposalOrder:
    return ProposalOrder(changes, None, None, "A. Analyst", "a test")


def _hash_home(settings: Settings, folder: str) -> dict[str, str]:
    files = sorted(path for path in (settings.home / folder).rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_propose__a_higher_bar_makes_the_campaign_vanish_and_leaves_the_warehouse_as_it_is(
    built: Settings,
) -> None:
    before = _hash_home(built, "warehouse")
    (comparison,), record = propose(built, _order(group_behaviour_bits_minimum=500), utc_now())
    assert before == _hash_home(built, "warehouse")
    assert comparison.day == DAYS[1]
    assert [each.change for each in comparison.campaigns] == [Change.VANISHES]
    assert (comparison.leaving.total, comparison.entering.total) == (NETWORK_SIZE, 0)
    assert comparison.stored_groups is not None
    assert comparison.proposed_groups is not None
    assert comparison.stored_groups.tested == comparison.proposed_groups.tested
    assert comparison.stored_groups.flagged > comparison.proposed_groups.flagged == 0
    assert record.layers == ("campaigns",)
    text = (built.home / "ledger" / "proposals" / f"{record.proposal_id}.json").read_text()
    stored = json.loads(text)
    assert (stored["asked_by"], stored["reason"]) == ("A. Analyst", "a test")
    assert [(v["name"], v["stored"], v["proposed"]) for v in stored["values"]] == [
        ("group_behaviour_bits_minimum", 6, 500)
    ]
    assert stored["days"][0]["vanishing_count"] == 1
    assert "network-0" not in text  # counts, no accounts
    assert list((built.home / "cache").glob("proposal-*")) == []


def test_propose__earlier_days_and_windows_are_built_from_behaviour_on(
    built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_HOME", str(built.home))
    get_settings.cache_clear()
    before = _hash_home(built, "warehouse")
    done = CliRunner().invoke(
        cli,
        [
            *("propose", "--set", "established_tenure_days=100000"),
            *("--set", "reference_accounts_minimum=0", "--json"),
            *("--date", str(DAYS[0]), "--to", str(DAYS[1])),
        ],
    )
    get_settings.cache_clear()
    assert done.exception is None, done.output
    printed = json.loads(done.stdout)
    assert printed["layers"] == ["behaviour", "campaigns"]
    first, second = printed["days"]
    assert first["stored_groups"] is None
    # without an established account, and nobody to stand in, nothing can be shown to be rare
    assert first["proposed_groups"]["tested"] == second["proposed_groups"]["tested"] == 0
    assert len(first["campaigns"][0]["accounts_out"]) == NETWORK_SIZE
    assert before == _hash_home(built, "warehouse")


def test_propose__refuses_days_that_are_not_stored(built: Settings) -> None:
    order = ProposalOrder({"evidence_slope": 0.9}, DAYS[2], None, "A. Analyst", None)
    with pytest.raises(InputError, match="no build of 2026-11-03 is stored"):
        propose(built, order, utc_now())


def test_propose__without_a_build_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"build.duckdb is missing: run `stillwatch run`"):
        propose(Settings(home=tmp_path), _order(evidence_slope=0.9), utc_now())

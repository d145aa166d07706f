from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from stillwatch.errors import InputError
from stillwatch.evaluation.calibration import measure_calibration
from stillwatch.evaluation.curves import draw_evasion, draw_recall, draw_reliability
from stillwatch.evaluation.evasion import CostModel, EvasionRun, trace_evasion
from stillwatch.evaluation.grid import print_grid, render_grid
from stillwatch.evaluation.render import list_grids
from stillwatch.evaluation.score_table import (
    MethodScore,
    ScoreTable,
    read_table,
    score_campaigns,
    score_method,
    write_table,
)
from stillwatch.evaluation.sizes import SizeEstimate, measure_size_error
from stillwatch.evaluation.tables import Accounts, Activity, Membership, TrueAccount

FIRST = date(2026, 11, 1)
PEOPLE = (
    [TrueAccount(f"o{n}", "ordinary", None, "toy") for n in range(1500)]
    + [TrueAccount(f"c{n}", "classroom", None, "toy") for n in range(20)]
    + [TrueAccount(f"a{n}", "relay.pool", "relay", "toy") for n in range(10)]
    + [TrueAccount(f"b{n}", "slow.pool", "slow", "toy") for n in range(4)]
)


def make_table() -> ScoreTable:
    """Return a small evaluation with everything in it; one classroom account is accused."""
    scores = {each.account_key: 0.01 for each in PEOPLE}
    scores |= {f"a{n}": 0.9 for n in range(10)} | {"b0": 0.8, "c0": 0.7}
    accounts = Accounts.join(PEOPLE, scores)
    flagged = frozenset([f"a{n}" for n in range(10)] + ["c0"])
    rows = [
        Membership(FIRST + timedelta(days=day), "C1", f"a{n}") for day in (1, 2) for n in range(10)
    ] + [Membership(FIRST + timedelta(days=2), "C2", "c0")]
    activity = [
        Activity(name, key, FIRST + timedelta(days=day), count, count // 2)
        for name, key, count in (("relay", "a0", 600), ("slow", "b0", 40))
        for day in range(3)
    ]
    campaigns = score_campaigns(
        {each.account_key: each.campaign for each in PEOPLE if each.campaign is not None},
        rows,
        activity,
        benign_accounts=1520,
        first_day=FIRST,
        last_day=FIRST + timedelta(days=2),
    )
    runs = [EvasionRun(0.0, 10, 9, 100, 100, 10), EvasionRun(0.9, 10, 2, 1000, 100, 80)]
    return ScoreTable(
        worlds=("toy, seed 7",),
        account_count=len(accounts),
        attacker_count=14,
        methods=(
            score_method("stillwatch", accounts, flagged),
            score_method("volume rule", Accounts.join(PEOPLE, {"c1": 3.0, "a0": 2.0})),
            MethodScore("pipe|rule", reason="igraph cannot be imported"),
        ),
        campaigns=campaigns,
        calibration=measure_calibration(np.maximum(accounts.score, 0), accounts.is_attacker),
        size_error=measure_size_error([SizeEstimate("C1", 0.5, 0.4, 0.3, 0.6)]),
        evasions=(trace_evasion("share of camouflage", runs, CostModel(20, 0.01, 0.0)),),
    )


TABLE = make_table()


def test_method_row__counts_its_own_decisions_per_attacker_and_cohort() -> None:
    row = TABLE.methods[0]
    assert row.flags == "campaign member"
    assert {each.campaign: each.flagged.value for each in row.attackers} == {
        "relay": 1.0, "slow": 0.0
    }  # fmt: skip
    cohorts = {each.cohort: each for each in row.cohorts}
    assert cohorts["classroom"].flagged.value == 0.05
    assert cohorts["ordinary"].bound == pytest.approx(1 - 0.05 ** (1 / 1500))
    assert set(cohorts) == {"classroom", "ordinary"}
    attacker = row.attackers[0]
    assert attacker.average_precision.value == 1.0  # against the benign, not against the others


def test_method_row__without_decisions_flags_at_the_compared_rate() -> None:
    row = TABLE.methods[1]
    assert row.flags == "threshold at 1,000 false positives per million"
    assert [each.flagged.value for each in row.attackers] == [0.1, 0.0]
    assert [each.flagged.value for each in row.cohorts] == [0.05, 0.0]


def test_method_row__flags_nothing_where_ties_break_the_rate() -> None:
    row = score_method("constant", Accounts.join(PEOPLE, {}))
    assert row.flags.startswith("nothing")
    assert all(each.flagged.value == 0.0 for each in row.cohorts + row.attackers)


def test_campaign_score__by_hand() -> None:
    found = TABLE.campaigns
    assert found is not None
    assert (found.found.value, found.fragments, found.false_campaign_count) == (0.5, 1.0, 1)
    assert found.benign_account_months == pytest.approx(1520 * 3 / 30.436875)
    relay, slow = found.campaigns
    # passes 500 on the first day, is flagged at the end of the second
    assert (relay.time.days, relay.time.exchanges) == (1, 600)
    assert relay.leak == pytest.approx(2 / 3)
    assert slow.time.started_on is None  # 120 exchanges
    assert (slow.leak, slow.exchange_recall, slow.fragment_count) == (1.0, 0.0, 0)
    assert (found.median_days, found.median_exchanges) == (1, 600)


def test_score_table__survives_json(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "evaluation/scores.json")
    assert read_table(tmp_path / "evaluation/scores.json") == TABLE


def test_score_table__of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_table(TABLE, path)
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, "schema_version": 99}))
    with pytest.raises(InputError, match="schema version 99, not 1"):
        read_table(path)
    path.write_text(json.dumps({**raw, "worlds": 3}))
    with pytest.raises(InputError, match="no score table"):
        read_table(path)
    path.write_text("{")
    with pytest.raises(InputError, match="no score table"):
        read_table(path)


def test_markdown__has_every_table_and_whole_rows() -> None:
    page = "\n\n".join(render_grid(grid) for grid in list_grids(TABLE)) + "\n"
    for title in (
        "Accounts", "Average precision per attacker", "Benign accounts flagged per cohort",
        "Campaigns", "Campaigns one by one", "Calibration", "Size of the extraction",
        "Cost of evasion: share of camouflage",
    ):  # fmt: skip
        assert f"## {title}\n" in page
    widths: dict[str, set[int]] = {}
    for block in page.split("## ")[1:]:
        title, *lines = block.splitlines()
        rows = [line.replace("\\|", "") for line in lines if line.startswith("|")]
        widths[title] = {row.count("|") for row in rows}
    assert all(len(counts) == 1 for counts in widths.values()), widths
    assert "pipe\\|rule" in page
    assert "nan" not in page.lower().replace("nance", "")
    assert "None" not in page.replace("None flagged proves", "")


def test_markdown__marks_what_the_accounts_cannot_resolve() -> None:
    page = "\n\n".join(render_grid(grid) for grid in list_grids(TABLE)) + "\n"
    (row,) = [line for line in page.splitlines() if line.startswith("| stillwatch | 0.")][:1]
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert [cell.endswith("*") for cell in cells] == [False, True, True, False]
    assert "1,520 benign accounts are fewer than the 100,000, 10,000" in page
    assert "| not run |" in page
    assert re.search(r"^Not run: .*, igraph cannot be imported", page, re.MULTILINE)
    assert "(exact Poisson, 1 event)" in page


def test_console_table__shows_the_same_cells() -> None:
    console = Console(file=io.StringIO(), width=240)
    for grid in list_grids(TABLE):
        print_grid(grid, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for grid in list_grids(TABLE):
        for row in grid.rows:
            assert all(cell in shown for cell in row), row
    assert "\\*" not in shown


def test_curves__are_the_same_bytes_every_time() -> None:
    assert TABLE.calibration is not None
    drawn = [
        (
            draw_reliability(TABLE.calibration),
            draw_recall(TABLE.methods[:2], 1520),
            draw_evasion(TABLE.evasions[0]),
        )
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    for svg, png in drawn[0]:
        assert svg.startswith("<svg")
        assert png.startswith(b"\x89PNG")
        assert b"Software" not in png
        assert "mathdefault" not in svg


def test_curves__carry_their_words() -> None:
    svg, _ = draw_recall(TABLE.methods[:2], 1520)
    for text in ("stillwatch", "volume rule", "not resolvable", "1,520 benign accounts"):
        assert text in svg
    assert TABLE.calibration is not None
    assert "share that are attackers" in draw_reliability(TABLE.calibration)[0]
    assert "share of camouflage" in draw_evasion(TABLE.evasions[0])[0]


def test_curves__mark_the_levels_that_were_run_and_nothing_between() -> None:
    runs = [EvasionRun(level, 10, 5, 100, 40, 20) for level in (3, 30, 3000)]
    costs = CostModel(account_usd=1.0, exchange_usd=0.02)
    svg, _ = draw_evasion(trace_evasion("addresses", runs, costs))
    assert [svg.count(f">{level}<") for level in (3, 30, 3000)] == [2, 2, 2]
    assert ">1000<" not in svg
    close = [EvasionRun(level, 10, 5, 100, 40, 20) for level in (0.0, 0.75, 0.95, 0.98)]
    svg, _ = draw_evasion(trace_evasion("cover", close, costs))
    assert [svg.count(f">{level}<") for level in ("0", "0.75", "0.95", "0.98")] == [2, 2, 0, 2]


def test_markdown__names_many_worlds_by_their_number() -> None:
    many = replace(TABLE, worlds=tuple(f"w{n}" for n in range(6)))
    assert "of 6 worlds and seeds" in list_grids(many)[0].notes[0]
    few = replace(TABLE, worlds=("w0", "w1"))
    assert "of w0, w1" in list_grids(few)[0].notes[0]


def test_markdown__says_once_how_methods_of_one_kind_flag() -> None:
    (grid,) = [each for each in list_grids(TABLE) if each.title.startswith("Accounts flagged")]
    (note,) = grid.notes
    kinds = {method.flags for method in TABLE.methods if method.flags}
    assert all(note.count(kind) == 1 for kind in kinds)


def test_curves__leave_the_drawing_library_as_it_was() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    draw_evasion(TABLE.evasions[0])
    assert dict(mpl.rcParams) == before

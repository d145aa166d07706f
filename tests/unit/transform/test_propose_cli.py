"""What `stillwatch propose` prints for a person."""

from __future__ import annotations

from datetime import date

from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.cli.propose import _describe
from stillwatch.errors import ConfigError
from stillwatch.transform.comparison import DayState, GroupCounts, Standing, compare_states
from stillwatch.transform.proposals import ProposalRecord, ProposedValue

RECORD = ProposalRecord(
    proposal_id="proposal-20261102T000000Z-00000000",
    asked_at="2026-11-02T00:00:00+00:00",
    asked_by="A. Analyst",
    reason=None,
    values=(ProposedValue("evidence_slope", 0.5, 0.6, "discount for dependence"),),
    layers=("campaigns",),
    days=(),
)


def _lines_about(text: str, subject: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if subject in line]


def test_propose__prints_values_groups_look_alikes_and_campaigns() -> None:
    stored = DayState({"SW-1": frozenset("ab")}, {"SW-1": 0.7}, GroupCounts(40, 3, 2, 1))
    proposed = DayState(
        {"SW-1": frozenset("abc"), "SW-2": frozenset("d")},
        {"SW-1": 0.8, "SW-2": 0.6},
        GroupCounts(40, 5, 4, 1),
    )
    standing = Standing(established=frozenset("cd"), cleared=frozenset())
    text = _describe([compare_states(date(2026, 11, 2), stored, proposed, standing)], RECORD)
    assert _lines_about(text, "discount")[0][:3] == ["evidence_slope", "0.5", "0.6"]
    assert _lines_about(text, "groups flagged")[0][-2:] == ["3", "5"]
    assert _lines_about(text, "established accounts in flagged")[0][-2:] == ["2", "4"]
    assert _lines_about(text, "suspected accounts")[0][-2:] == ["2", "4"]
    assert _lines_about(text, "SW-1")[0][2:] == ["changes", "2", "3", "1", "0", "0.7", "0.8"]
    assert _lines_about(text, "SW-2")[0][2:7] == ["appears", "0", "1", "1", "0"]
    assert "2 accounts (2 established, 0 verified or allow-listed) would enter" in text
    assert text.endswith("Nothing is changed. Record proposal-20261102T000000Z-00000000")


def test_propose__groups_of_an_earlier_day_are_not_kept() -> None:
    state = DayState({}, {}, None)
    kept = DayState({}, {}, GroupCounts(7, 0, 0, 0))
    standing = Standing(frozenset(), frozenset())
    text = _describe([compare_states(date(2026, 11, 1), state, kept, standing)], RECORD)
    assert _lines_about(text, "groups tested")[0][-3:] == ["not", "kept", "7"]


def test_propose__an_unknown_var_is_answered_with_the_known_ones() -> None:
    done = CliRunner().invoke(cli, ["propose", "--set", "slope=0.6"])
    assert isinstance(done.exception, ConfigError)
    assert "account_prior_log2_odds = -7.7  24,000 of 5 million accounts" in str(done.exception)

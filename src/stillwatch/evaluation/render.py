"""The tables of a score table."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.evaluation.evasion import EvasionCurve
from stillwatch.evaluation.grid import NONE, Grid, write_number, write_share
from stillwatch.evaluation.method_grids import show_attackers, show_cohorts, show_methods
from stillwatch.evaluation.score_table import CampaignScore, ScoreTable


def list_grids(table: ScoreTable) -> tuple[Grid, ...]:
    """Return all tables of an evaluation, those without content left out."""
    grids = [show_methods(table), *show_attackers(table), *show_cohorts(table)]
    if table.campaigns is not None:
        grids += [_show_campaign_score(table.campaigns), _show_campaigns(table.campaigns)]
        grids.append(_show_false_found(table.campaigns))
    grids += [*_show_calibration(table), *_show_sizes(table), *show_evasions(table.evasions)]
    return tuple(grid for grid in grids if grid.rows)


def _show_campaign_score(score: CampaignScore) -> Grid:
    agreement = score.agreement
    rows = (
        ("campaigns found", f"{write_share(score.found)}, {score.found.method}"),
        ("fragments per found campaign", write_number(score.fragments, 2)),
        ("false campaigns", f"{score.false_campaign_count}"),
        (
            "false campaigns per million benign account-months",
            f"{write_number(score.false_campaigns.value, 1)} "
            f"(≤ {write_number(score.false_campaigns.high, 1)})",
        ),
        ("B³ precision", write_number(agreement.b3_precision)),
        ("B³ recall", write_number(agreement.b3_recall)),
        ("pairwise F1", write_number(agreement.pair_f1)),
        ("purity", write_number(score.purity)),
        ("coverage", write_number(score.coverage)),
        ("median days to detect", write_number(score.median_days, 1)),
        ("median exchanges to detect", write_number(score.median_exchanges, 0)),
        ("exchange recall, mean of campaigns", write_share(score.exchange_recall)),
        ("extraction leaked before its account's flag", write_share(score.leak)),
    )
    notes = (
        f"{score.benign_account_months:,.0f} benign account-months watched; no claim below "
        f"{write_number(score.false_campaigns.high, 1)} false campaigns per million can be made "
        f"from them ({score.false_campaigns.method}).",
        "Time runs from the day on which a campaign passes 500 exchanges.",
    )
    return Grid("Campaigns", ("measure", "value"), rows, notes)


def _show_campaigns(score: CampaignScore) -> Grid:
    head = (
        "campaign", "accounts", "coverage", "fragments", "days", "exchanges", "exchange recall",
        "extraction recall", "leak", "leak before its flag",
    )  # fmt: skip
    rows = []
    for row in score.campaigns:
        watched = row.time.watched_days
        missed = f"not in {watched}" if watched is not None else NONE
        rows.append(
            (
                row.campaign,
                f"{row.account_count:,}",
                write_number(row.coverage),
                str(row.fragment_count),
                missed if row.time.days is None else str(row.time.days),
                write_number(row.time.exchanges, 0),
                write_number(row.exchange_recall),
                write_number(row.extraction_recall),
                write_number(row.leak),
                write_number(row.leak_before_campaign),
            )
        )
    return Grid("Campaigns one by one", head, tuple(rows))


def _show_false_found(score: CampaignScore) -> Grid:
    rows = tuple(
        (
            each.campaign_id,
            f"{each.account_count:,}",
            ", ".join(f"{cohort} {count:,}" for cohort, count in each.cohorts),
        )
        for each in score.false_found
    )
    return Grid("False campaigns and whom they name", ("campaign", "accounts", "cohorts"), rows)


def _show_calibration(table: ScoreTable) -> list[Grid]:
    if table.calibration is None:
        return []
    found = table.calibration
    rows = tuple(
        (
            f"{each.low:.3g} to {each.high:.3g}",
            f"{each.count:,}",
            write_number(each.mean_probability),
            write_share(each.observed),
        )
        for each in found.bins
    )
    note = (
        f"Expected calibration error {write_number(found.expected_error, 4)} with {found.binning}; "
        f"Brier score {write_number(found.brier_score, 4)}; {found.account_count:,} accounts."
    )
    head = ("probability", "accounts", "mean probability", "observed share of attackers")
    return [Grid("Calibration", head, rows, (note,))]


def _show_sizes(table: ScoreTable) -> list[Grid]:
    if table.size_error is None:
        return []
    error = table.size_error
    rows = (
        ("error factor", write_share(error.factor)),
        ("intervals that hold the true value", f"{error.within_count} of {error.interval_count}"),
        ("campaigns without an estimate", str(error.undefined_count)),
    )
    return [Grid("Size of the extraction", ("measure", "value"), rows, (error.factor.method,))]


def show_evasions(curves: Sequence[EvasionCurve]) -> list[Grid]:
    """Return one table per evasion-cost curve."""
    grids = []
    for curve in curves:
        rows = tuple(
            (
                f"{point.level:g}",
                write_share(point.account_recall),
                write_number(point.leak),
                write_number(point.cost_usd, 0),
                write_number(point.cost_per_leaked_usd, 4),
                write_number(point.cost_factor, 2),
            )
            for point in curve.points
        )
        note = (
            f"Assumed: {curve.costs.account_usd:g} USD per account, {curve.costs.exchange_usd:g} "
            f"USD per exchange, the attacker pays {curve.costs.camouflage_cost_share:.0%} of the "
            "cover traffic. Factor 1: nobody looks, lowest level."
        )
        head = (
            "level",
            "accounts flagged",
            "leak",
            "cost USD",
            "USD per leaked exchange",
            "factor",
        )
        grids.append(Grid(f"Cost of evasion: {curve.evasion}", head, rows, (note,)))
    return grids

"""The score table as Markdown and for the console, from the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from stillwatch.evaluation.evasion import EvasionCurve
from stillwatch.evaluation.intervals import Estimate, bound_ratio
from stillwatch.evaluation.ranking import RecallAtRate
from stillwatch.evaluation.score_table import CampaignScore, MethodScore, ScoreTable

NONE = "–"


@dataclass(frozen=True)
class Grid:
    """A titled table of texts with the notes that belong under it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def list_grids(table: ScoreTable) -> tuple[Grid, ...]:
    """Return all tables of an evaluation, those without content left out."""
    grids = [_show_methods(table), *_show_attackers(table), *_show_cohorts(table)]
    if table.campaigns is not None:
        grids += [_show_campaign_score(table.campaigns), _show_campaigns(table.campaigns)]
        grids.append(_show_false_found(table.campaigns))
    grids += [*_show_calibration(table), *_show_sizes(table), *show_evasions(table.evasions)]
    return tuple(grid for grid in grids if grid.rows)


def render_grid(grid: Grid, level: int = 2) -> str:
    """Return a grid as a Markdown section without a line feed at its end."""
    lines = [f"{'#' * level} {grid.title}", ""]
    lines.append("| " + " | ".join(_escape(cell) for cell in grid.head) + " |")
    lines.append("|---" + "|---:" * (len(grid.head) - 1) + "|")
    lines += ["| " + " | ".join(_escape(cell) for cell in row) + " |" for row in grid.rows]
    lines += [line for note in grid.notes for line in ("", note)]
    return "\n".join(lines)


def print_grid(grid: Grid, console: Console) -> None:
    """Print one table with its notes."""
    shown = Table(title=grid.title, title_justify="left", caption_justify="left")
    shown.caption = "\n".join(grid.notes).replace("\\*", "*") or None
    shown.add_column(grid.head[0], overflow="fold")
    for name in grid.head[1:]:
        shown.add_column(name, justify="right", overflow="fold")
    for row in grid.rows:
        shown.add_row(*row)
    console.print(shown)


def write_share(estimate: Estimate | None) -> str:
    """Return a share with its interval, "–" where it is undefined.

    >>> write_share(Estimate(0.5, 0.25, 0.75)), write_share(Estimate(1.0)), write_share(None)
    ('0.500 (0.250–0.750)', '1.000', '–')
    """
    if estimate is None or estimate.value is None:
        return NONE
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def write_number(value: float | None, digits: int = 3) -> str:
    """Return a number, "–" where it is undefined."""
    return NONE if value is None else f"{value:,.{digits}f}"


def _write_recall(recall: RecallAtRate) -> str:
    """Return a recall; one that these accounts cannot resolve is marked."""
    return write_share(recall.recall) + ("" if recall.is_resolvable else " *")


def _show_methods(table: ScoreTable) -> Grid:
    scored = [method for method in table.methods if method.reason is None]
    rates = [recall.rate_per_million for recall in scored[0].recalls] if scored else []
    head = ("method", "average precision", *(f"recall at {rate:,.0f} FP/M" for rate in rates))
    rows = []
    for method in table.methods:
        name = f"{method.method} (learns)" if method.is_supervised else method.method
        if method.reason is None:
            cells = [write_share(method.average_precision), *map(_write_recall, method.recalls)]
        else:
            cells = [f"not run: {method.reason}"] + [NONE] * len(rates)
        rows.append((name, *cells))
    benign = table.account_count - table.attacker_count
    notes = [
        f"{table.account_count:,} accounts, {table.attacker_count:,} of them attackers, of "
        f"{', '.join(table.worlds)}. FP/M: false positives per million benign accounts. "
        "Intervals at 95 %" + (f": {_get_method(scored[0])}." if scored else ".")
    ]
    coarse = [
        recall for recall in (scored[0].recalls if scored else ()) if not recall.is_resolvable
    ]
    if coarse:
        needed = ", ".join(f"{1e6 / recall.rate_per_million:,.0f}" for recall in coarse)
        high = coarse[0].false_positive_rate.high
        bound = "" if high is None or coarse[0].false_positives else f" (at most {high * 1e6:,.0f})"
        notes.append(
            f"\\* Not resolvable: {benign:,} benign accounts are fewer than the {needed} that one "
            f"false positive at this rate needs. Shown is the recall at no false positive, which "
            f"proves no rate that low{bound}."
        )
    return Grid("Accounts", head, tuple(rows), tuple(notes))


def _get_method(method: MethodScore) -> str:
    return method.average_precision.method if method.average_precision else "none"


def _show_attackers(table: ScoreTable) -> list[Grid]:
    names = sorted({row.campaign for method in table.methods for row in method.attackers})
    precision, flagged = [], []
    for method in table.methods:
        rows = {row.campaign: row for row in method.attackers}
        if rows:
            cells = [rows.get(name) for name in names]
            precision.append(
                (method.method, *(write_share(c.average_precision) if c else NONE for c in cells))
            )
            flagged.append((method.method, *(write_share(c.flagged) if c else NONE for c in cells)))
    head = ("method", *names)
    return [
        Grid("Average precision per attacker", head, tuple(precision)),
        Grid("Accounts flagged per attacker", head, tuple(flagged), _list_decisions(table)),
    ]


def _show_cohorts(table: ScoreTable) -> list[Grid]:
    scored = [method for method in table.methods if method.cohorts]
    names = sorted({row.cohort for method in scored for row in method.cohorts})
    rows = []
    for name in names:
        found = [
            next((row for row in method.cohorts if row.cohort == name), None) for method in scored
        ]
        count = max(row.account_count for row in found if row is not None)
        cells = [
            NONE if row is None else f"{round((row.flagged.value or 0.0) * row.account_count):,}"
            for row in found
        ]
        rows.append((name, f"{count:,}", f"{bound_ratio(0, count):.2%}", *cells))
    head = ("benign cohort", "accounts", "0 proves at most", *(each.method for each in scored))
    note = "Accounts flagged. None flagged proves no smaller share than given (one-sided, 95 %)."
    return [Grid("Benign accounts flagged per cohort", head, tuple(rows), (note,))]


def _list_decisions(table: ScoreTable) -> tuple[str, ...]:
    decisions = [f"{method.method}: {method.flags}" for method in table.methods if method.flags]
    return ("Flagged is — " + "; ".join(decisions) + ".",) if decisions else ()


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


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")

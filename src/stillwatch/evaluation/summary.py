"""The tables over a whole evaluation: what was run, missing fields, false campaigns, evasion."""

from __future__ import annotations

from rich.console import Console

from stillwatch.evaluation.grid import NONE, Grid, print_grid, write_number, write_share
from stillwatch.evaluation.intervals import estimate_ratio
from stillwatch.evaluation.left_out import add_up
from stillwatch.evaluation.methods import LEDGER
from stillwatch.evaluation.render import list_grids, show_evasions
from stillwatch.evaluation.result import EvaluationResult, GroupResult
from stillwatch.evaluation.score_table import MethodScore

_WORLD_HEAD = (
    "world", "seeds", "average precision", "accounts flagged", "benign flagged",
    "campaigns found", "false campaigns", "coverage", "median days",
)  # fmt: skip


def print_result(result: EvaluationResult, console: Console) -> None:
    """Print the tables of every world, then those over all of them."""
    for group in result.base_groups:
        console.rule(group.name)
        for reason in group.stopped:
            console.print(f"stopped by a gate: {reason}")
        if group.table is not None:
            for grid in list_grids(group.table):
                print_grid(grid, console)
    console.rule("all worlds")
    for grid in (
        show_runs(result),
        show_worlds(result),
        show_variants(result),
        show_left_out(result),
        show_false_campaigns(result),
        *show_evasions(result.evasions),
    ):
        if grid.rows:
            print_grid(grid, console)


def show_runs(result: EvaluationResult) -> Grid:
    """Return what was run: one row per world-seed."""
    head = ("world and seed", "days", "accounts", "exchanges", "inputs sha256", "outcome")
    rows = tuple(
        (
            cell.cell,
            f"{cell.first_day} to {cell.last_day}",
            f"{cell.account_count:,}",
            f"{cell.exchange_count:,}",
            cell.inputs_sha256[:12],
            "processed" if cell.stopped is None else f"stopped: {cell.stopped}",
        )
        for cell in result.cells
    )
    note = "Accounts are those that asked anything. The digest covers every simulated file."
    return Grid("What was run", head, rows, (note,))


def show_worlds(result: EvaluationResult) -> Grid:
    """Return one row per world: what Stillwatch finds in it, and whom it wrongs."""
    rows = tuple(_describe_variant(group) for group in result.base_groups)
    note = "Benign accounts flagged and false campaigns are wrong accusations: both should be none."
    return Grid("World by world", _WORLD_HEAD, rows, (note,))


def show_variants(result: EvaluationResult) -> Grid:
    """Return one row per world and per ablation of it: what Stillwatch finds with which fields."""
    ablated = {group.base for group in result.groups if group.ablation is not None}
    rows = [
        _describe_variant(group)
        for base in result.base_groups
        if base.name in ablated
        for group in result.groups
        if group.base == base.name and group.sweep is None
    ]
    note = (
        "Fields are taken out of the landed files before anything is ingested. Compare a row with "
        "its world's first one over the same number of seeds only."
    )
    return Grid("Missing fields", _WORLD_HEAD, tuple(rows), (note,))


def show_left_out(result: EvaluationResult) -> Grid:
    """Return one row per world and family of evidence: what is flagged without the family."""
    rows = []
    for group in dict.fromkeys(cell.group for cell in result.cells):
        outcomes = [each for cell in result.cells if cell.group == group for each in cell.left_out]
        for each in add_up(outcomes):
            rows.append(
                (
                    group,
                    each.family or "nothing",
                    write_share(estimate_ratio(each.flagged_attackers, each.attacker_count)),
                    f"{each.flagged_benign:,} of {each.benign_count:,}",
                    f"{each.found_count} of {each.campaign_count}",
                    f"{each.false_campaign_count}",
                )
            )
    head = (
        "world", "left out", "attackers flagged", "benign flagged", "campaigns found",
        "false campaigns",
    )  # fmt: skip
    note = (
        "The last day judged anew, as if no day before had been: with all evidence, and without "
        "one family. Attackers flagged with the exact 95 % interval."
    )
    return Grid("One family of evidence left out", head, tuple(rows), (note,))


def show_false_campaigns(result: EvaluationResult) -> Grid:
    """Return how often a campaign was reported that is none, with what it can prove."""
    rows = []
    for name, rate in (
        ("all worlds as they are", result.false_campaigns),
        ("worlds without any campaign", result.quiet_false_campaigns),
    ):
        if rate.value is not None:
            rows.append(
                (name, write_number(rate.value, 1), write_number(rate.high, 1), rate.method)
            )
    head = ("false campaigns per million benign account-months", "observed", "at most", "by")
    return Grid("False campaigns", head, tuple(rows))


def _describe_variant(group: GroupResult) -> tuple[str, ...]:
    seeds = str(len(group.seeds) - len(group.stopped))
    if group.table is None or group.table.campaigns is None:
        reason = "; ".join(group.stopped) or "no figures"
        return (group.name, seeds, f"stopped by a gate: {reason}", *(NONE,) * 6)
    ledger = next(method for method in group.table.methods if method.method == LEDGER)
    campaigns = group.table.campaigns
    return (
        group.name,
        seeds,
        write_share(ledger.average_precision),
        _count_flagged([(row.account_count, row.flagged.value) for row in ledger.attackers]),
        _count_flagged([(row.account_count, row.flagged.value) for row in ledger.cohorts]),
        write_share(campaigns.found),
        f"{campaigns.false_campaign_count}",
        write_number(campaigns.coverage),
        write_number(campaigns.median_days, 1),
    )


def _count_flagged(rows: list[tuple[int, float | None]]) -> str:
    flagged = sum(round(count * (share or 0.0)) for count, share in rows)
    return f"{flagged:,} of {sum(count for count, _ in rows):,}"


def pick_best(methods: tuple[MethodScore, ...], count: int) -> tuple[MethodScore, ...]:
    """Return Stillwatch and the methods with the best average precision that have a curve."""
    drawn = [method for method in methods if method.curve]
    own = [method for method in drawn if method.method == LEDGER]
    others = sorted(
        (method for method in drawn if method.method != LEDGER),
        key=lambda each: (-(_get_precision(each)), each.method),
    )
    return (*own, *others[: count - len(own)])


def _get_precision(method: MethodScore) -> float:
    found = method.average_precision
    return found.value if found is not None and found.value is not None else 0.0

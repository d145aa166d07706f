"""The tables that compare methods: over all accounts, per attacker, per benign cohort."""

from __future__ import annotations

from stillwatch.evaluation.grid import NONE, Grid, write_share
from stillwatch.evaluation.intervals import bound_ratio
from stillwatch.evaluation.ranking import RecallAtRate
from stillwatch.evaluation.score_table import AttackerRow, MethodScore, ScoreTable

_MOST_WORLDS = 5  # named one by one under a table


def show_methods(table: ScoreTable) -> Grid:
    """Return one row per method: how it ranks all accounts; why some were not run stands below."""
    scored = [method for method in table.methods if method.reason is None]
    rates = [recall.rate_per_million for recall in scored[0].recalls] if scored else []
    head = ("method", "average precision", *(f"recall at {rate:,.0f} FP/M" for rate in rates))
    rows = []
    for method in table.methods:
        name = f"{method.method} (learns)" if method.is_supervised else method.method
        if method.reason is None:
            cells = [write_share(method.average_precision), *map(_write_recall, method.recalls)]
        else:
            cells = ["not run"] + [NONE] * len(rates)
        rows.append((name, *cells))
    worlds = table.worlds
    listed = ", ".join(worlds) if len(worlds) <= _MOST_WORLDS else f"{len(worlds)} worlds and seeds"
    notes = [
        f"{table.account_count:,} accounts, {table.attacker_count:,} of them attackers, of "
        f"{listed}. FP/M: false positives per million benign accounts. "
        "Intervals at 95 %" + (f": {_get_method(scored[0])}." if scored else ".")
    ]
    notes += _explain_coarse(table, scored)
    notes += [
        f"Not run: {method.method}, {method.reason}." for method in table.methods if method.reason
    ]
    return Grid("Accounts", head, tuple(rows), tuple(notes))


def _explain_coarse(table: ScoreTable, scored: list[MethodScore]) -> list[str]:
    """Return what to read of rates that these accounts are too few for, if there are any."""
    coarse = [
        recall for recall in (scored[0].recalls if scored else ()) if not recall.is_resolvable
    ]
    if not coarse:
        return []
    benign = table.account_count - table.attacker_count
    needed = ", ".join(f"{1e6 / recall.rate_per_million:,.0f}" for recall in coarse)
    high = coarse[0].false_positive_rate.high
    bound = "" if high is None or coarse[0].false_positives else f" (at most {high * 1e6:,.0f})"
    return [
        f"\\* Not resolvable: {benign:,} benign accounts are fewer than the {needed} that one "
        f"false positive at this rate needs. Shown is the recall at no false positive, which "
        f"proves no rate that low{bound}."
    ]


def show_attackers(table: ScoreTable) -> list[Grid]:
    """Return what each method finds of each attacker, one row per attacker."""
    scored = [method for method in table.methods if method.attackers]
    rows_of = [{row.campaign: row for row in method.attackers} for method in scored]
    names = sorted({name for rows in rows_of for name in rows})
    head = ("attacker", "accounts", *(method.method for method in scored))
    precision, flagged = [], []
    for name in names:
        found = [rows.get(name) for rows in rows_of]
        count = f"{max(row.account_count for row in found if row is not None):,}"
        precision.append((name, count, *map(_write_precision, found)))
        flagged.append((name, count, *map(_write_flagged, found)))
    return [
        Grid("Average precision per attacker", head, tuple(precision)),
        Grid("Accounts flagged per attacker", head, tuple(flagged), _list_decisions(table)),
    ]


def show_cohorts(table: ScoreTable) -> list[Grid]:
    """Return how many accounts of each benign cohort each method flags."""
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
    """Return what makes a method flag an account, methods of one kind together."""
    methods_of: dict[str, list[str]] = {}
    for method in table.methods:
        if method.flags:
            methods_of.setdefault(method.flags, []).append(method.method)
    if not methods_of:
        return ()
    return (
        "Flagged is — "
        + "; ".join(f"{flags}: {', '.join(names)}" for flags, names in methods_of.items())
        + ".",
    )


def _write_recall(recall: RecallAtRate) -> str:
    """Return a recall; one that these accounts cannot resolve is marked."""
    return write_share(recall.recall) + ("" if recall.is_resolvable else " *")


def _write_precision(row: AttackerRow | None) -> str:
    return NONE if row is None else write_share(row.average_precision)


def _write_flagged(row: AttackerRow | None) -> str:
    return NONE if row is None else write_share(row.flagged)


def _get_method(method: MethodScore) -> str:
    return method.average_precision.method if method.average_precision else "none"

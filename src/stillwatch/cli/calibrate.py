"""`stillwatch calibrate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stillwatch.evaluation.recalibration import Recalibration


@click.command("calibrate")
@click.argument("results", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--json", "is_json", is_flag=True, help="Print all figures as JSON.")
def command(results: Path, is_json: bool) -> None:
    """Fit slope and prior of the evidence to a stored evaluation.

    \b
    stillwatch evaluate --plan full --jobs 2
    stillwatch calibrate var/evaluation/<run id>

    A logistic regression turns stored bits into probabilities of accounts. Every campaign weighs
    the same, and attackers are as rare as the prior says. Each world is left out in turn and judged
    with the values that the others gave. Nothing is changed: the last line previews the values.
    """
    from stillwatch.evaluation.recalibration import recalibrate

    fitted = recalibrate(results)
    click.echo(json.dumps(asdict(fitted), indent=1) if is_json else _describe(fitted))


def _describe(found: Recalibration) -> str:
    from stillwatch.warehouse.formats import format_table

    lines = [each.line for each in found.scenarios]
    values = [
        _describe_value("evidence_slope", found.stored.slope, found.fitted.slope,
                        [line.slope for line in lines]),
        _describe_value("account_prior_log2_odds", found.stored.intercept, found.fitted.intercept,
                        [line.intercept for line in lines]),
    ]  # fmt: skip
    scenarios = [
        (
            *(each.scenario, each.account_count, each.campaign_count),
            *(f"{each.line.slope:.3f}", f"{each.line.intercept:.2f}"),
            *_describe_errors(each),
        )
        for each in found.scenarios
    ]
    scenarios.append(("all left out", found.account_count, found.campaign_count, "", "",
                      *_describe_errors(found)))  # fmt: skip
    columns = (
        *("left out", "accounts", "campaigns", "slope", "prior"),
        *("ECE before", "ECE after", "Brier before", "Brier after"),
    )
    odds = 2.0**-found.prior_log2_odds
    parts = [
        f"Prior: {found.prior_log2_odds} bits, one account in {odds + 1:,.0f}. All figures are "
        "weighed to it, and every campaign weighs the same.",
        format_table(("var", "stored", "fitted", "lowest left out", "highest left out"), values),
        format_table(columns, scenarios),
        f"{found.without_evidence_count} accounts without evidence in the window are not counted. "
        "Worlds are made up: this says how evidence behaves there.",
    ]
    if found.fitted.slope > 0:
        parts.append(
            f"stillwatch propose --set evidence_slope={found.fitted.slope:.3f} "
            f"--set account_prior_log2_odds={found.fitted.intercept:.2f}"
        )
    else:
        parts.append("More evidence does not go with more attackers here: nothing is to propose.")
    return "\n\n".join(parts)


def _describe_value(
    name: str, stored: float, fitted: float, left_out: list[float]
) -> tuple[Any, ...]:
    return (name, *(f"{value:.3f}" for value in (stored, fitted, min(left_out), max(left_out))))


def _describe_errors(each: Any) -> tuple[str, ...]:
    return (
        *(f"{each.before.expected_error:.5f}", f"{each.after.expected_error:.5f}"),
        *(f"{each.before.brier_score:.5f}", f"{each.after.brier_score:.5f}"),
    )

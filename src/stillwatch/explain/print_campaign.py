"""A campaign's explanation for a person."""

from __future__ import annotations

from rich.console import Console

from stillwatch.explain.campaigns import (
    CampaignExplanation,
    Comparison,
    Evidence,
    Indicator,
    Join,
)
from stillwatch.explain.rules import to_bits
from stillwatch.explain.tables import (
    NOTHING,
    print_line,
    print_table,
    write_bits,
    write_moment,
    write_number,
    write_percentile,
    write_share,
)

_RESULT_MARKS = {"seen": "■ seen", "not seen": "● not seen", "not observable": "○ not observable"}


def print_campaign(explanation: CampaignExplanation, console: Console) -> None:
    """Print the ledger of a campaign, from the judgement to what could not be seen."""
    _print_state(explanation, console)
    _print_ledger(explanation, console)
    _print_evidence(explanation.evidence, console)
    _print_counter(explanation, console)
    _print_missing(explanation, console)
    _print_joins(explanation.joins, console)
    _print_comparison(explanation.nearest_cleared, console)
    _print_indicators(explanation.indicators, console)


def _print_state(explanation: CampaignExplanation, console: Console) -> None:
    state = explanation.state
    print_line(console, f"Campaign {state.campaign_id} as of {state.as_of_date}", "bold")
    print_line(
        console,
        f"Status {state.status}. Likelihood: {state.likelihood_term} "
        f"({100 * state.campaign_probability:.0f} %, provisional: it ranks).",
    )
    print_line(console, f"Confidence: {state.confidence_level}; {state.confidence_reason}.")
    print_line(
        console,
        f"{state.account_count:,} accounts ({state.active_account_count:,} active in the last "
        f"week), {state.exchange_count:,} exchanges, {write_share(state.extraction_ratio)} of them "
        f"on shared texts or with a technique ({write_share(state.extraction_ratio_low)} to "
        f"{write_share(state.extraction_ratio_high)}).",
    )
    print_line(
        console,
        f"First exchange {write_moment(state.first_seen_at)}, last "
        f"{write_moment(state.last_seen_at)}, first flagged {state.first_flagged_date}. "
        f"Snapshot {explanation.snapshot_id}.",
    )


def _print_ledger(explanation: CampaignExplanation, console: Console) -> None:
    without = {row.family: row for row in explanation.without}
    running = explanation.prior_bits
    rows = [["prior", "", write_bits(running), write_bits(running), "", "", ""]]
    for evidence in (*explanation.evidence, *explanation.counter_evidence):
        running += evidence.bits
        left = without[evidence.family]
        rows.append(
            [
                evidence.family,
                evidence.signal_code,
                write_bits(evidence.bits),
                write_bits(running),
                write_bits(left.posterior_bits),
                f"{100 * left.campaign_probability:.0f} %",
                left.likelihood_term,
            ]
        )
    rows.append(["posterior", "", "", write_bits(explanation.posterior_bits), "", "", ""])
    print_table(
        console,
        "Ledger, in bits (one bit doubles the odds; weights are discounted for dependence)",
        ["family", "measured by", "weight#", "sum#", "total without it#", "likelihood#", "term"],
        rows,
        "No evidence is recorded for this day.",
    )


def _print_evidence(evidence: tuple[Evidence, ...], console: Console) -> None:
    print_table(
        console,
        "What was measured, heaviest first",
        ["family", "members#", "observed#", "base rate#", "of accounts#", "middle member#",
         "in words, and what else it can be"],
        [
            [
                row.family,
                _write_count(row),
                write_number(row.observed_value),
                write_number(row.baseline_value),
                f"{row.base_population:,}" if row.base_population is not None else NOTHING,
                write_percentile(row.median_percentile),
                f"{row.statement} Benign: {row.benign_explanation}",
            ]
            for row in evidence
        ],
        "Nothing speaks for suspicion on this day.",
    )  # fmt: skip
    print_line(
        console,
        "Base rate: the same among established accounts. Middle member: its percentile among "
        "comparable established accounts.",
        "dim",
    )


def _print_counter(explanation: CampaignExplanation, console: Console) -> None:
    print_table(
        console,
        "What speaks against it, or says nothing",
        ["family", "weight#", "members#", "middle member#", "in words"],
        [
            [
                row.family,
                write_bits(row.bits),
                _write_count(row),
                write_percentile(row.median_percentile),
                row.statement,
            ]
            for row in explanation.counter_evidence
        ],
        "Nothing: every family that was measured speaks for it.",
    )


def _print_missing(explanation: CampaignExplanation, console: Console) -> None:
    print_table(
        console,
        "Not available (counts nothing, for or against)",
        ["family", "needs"],
        [[row.family, ", ".join(row.data_fields)] for row in explanation.not_available],
        "Every family could be measured.",
    )


def _print_joins(joins: tuple[Join, ...], console: Console) -> None:
    if not joins:
        return
    print_table(
        console,
        "Parts that no shared text connects, each named by its first account",
        ["part", "other part", "accounts#", "from common exits#", "exits in common#",
         "ways to register in common#"],
        [
            [
                row.account_key,
                row.other_account_key,
                f"{row.account_count:,} and {row.other_account_count:,}",
                f"{row.neighbour_count:,} and {row.other_neighbour_count:,}",
                f"{row.shared_exit_count:,}",
                f"{row.shared_registration_count:,}",
            ]
            for row in joins
        ],
        "",
    )  # fmt: skip
    print_line(
        console,
        "Exits: client addresses that both parts use and no established account outside does.",
        "dim",
    )


def _print_comparison(comparison: tuple[Comparison, ...], console: Console) -> None:
    if not comparison:
        print_table(
            console, "Nearest cleared group", [], [],
            "None: no tested group of the same kind was let go on this day.",
        )  # fmt: skip
        return
    first = comparison[0]
    print_table(
        console,
        "Nearest cleared group, beside the group that speaks for the campaign, in bits",
        ["family", "side", "campaign#", "cleared#"],
        [
            [
                row.family,
                row.evidence_side,
                _write_log10(row.log10_likelihood_ratio),
                _write_log10(row.cleared_log10_likelihood_ratio),
            ]
            for row in comparison
        ],
        "",
    )
    print_line(
        console,
        f"Campaign: {first.account_count:,} accounts that share {first.group_label}. Cleared: "
        f"{first.cleared_account_count:,} accounts that share {first.cleared_group_label} "
        f"(group {first.cleared_group_id}), because {first.cleared_because}."
        + ("" if first.is_same_size else " None of the campaign's size was let go on this day.")
        + f" Of {first.comparable_group_count:,} such groups that were let go, a share of at most "
        f"{first.comparable_tail_probability:.2g} has as much evidence.",
        "dim",
    )


def _print_indicators(indicators: tuple[Indicator, ...], console: Console) -> None:
    print_table(
        console,
        "Indicators of the joint advisory AA26-251A",
        ["no.", "indicator", "result", "members#", "established#", "look-alikes#", "benign cause"],
        [
            [
                str(row.advisory_number or "+"),
                row.title,
                _RESULT_MARKS[row.result],
                NOTHING
                if row.result == "not observable"
                else f"{row.shown_count:,} of {row.measured_count:,}",
                _write_rate(row.established_ratio, row.established_count),
                _write_rate(row.lookalike_ratio, row.lookalike_count),
                row.benign_cause,
            ]
            for row in indicators
        ],
        "Not judged on this day.",
    )
    print_line(
        console,
        "Established accounts and cleared look-alikes: how many of them show the same on this day.",
        "dim",
    )


def _write_count(row: Evidence) -> str:
    if row.shown_count is None or row.measured_count is None:
        return NOTHING
    return f"{row.shown_count:,} of {row.measured_count:,}"


def _write_rate(ratio: float | None, count: int) -> str:
    return "not measured" if ratio is None else f"{write_share(ratio)} of {count:,}"


def _write_log10(log10: float | None) -> str:
    return "not measured" if log10 is None else write_bits(to_bits(log10))

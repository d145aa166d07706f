"""An account's explanation for a person."""

from __future__ import annotations

from rich.console import Console

from stillwatch.explain.accounts import AccountExplanation
from stillwatch.explain.tables import (
    print_line,
    print_table,
    write_bits,
    write_chance,
    write_moment,
    write_number,
    write_percentile,
    write_share,
)


def print_account(explanation: AccountExplanation, console: Console) -> None:
    """Print why an account is suspected, or why it is not."""
    _print_state(explanation, console)
    _print_ledger(explanation, console)
    _print_signals(explanation, console)
    _print_links(explanation, console)
    _print_memberships(explanation, console)


def _print_state(explanation: AccountExplanation, console: Console) -> None:
    state, score = explanation.state, explanation.score
    print_line(console, f"Account {state.account_key} as of {explanation.as_of_date}", "bold")
    print_line(
        console,
        f"{state.platform}:{state.account_id}, status {state.status or 'unknown'}, plan "
        f"{state.plan or 'unknown'}, opened {write_moment(state.created_at)}, used from "
        f"{write_moment(state.first_seen_at)} to {write_moment(state.last_seen_at)}.",
    )
    outcome = (
        f"a suspected member of campaign {score.campaign_id}"
        if score.campaign_id
        else "in no campaign; without one the probability stays at or below 50 %"
    )
    print_line(
        console,
        f"Probability {write_share(score.suspicion_probability)} (provisional: it ranks), "
        f"{outcome}.",
    )
    against = [
        "verified by document" if state.is_verified else "",
        f"on the allow-list ({state.allowlist_reason})" if state.is_allowlisted else "",
    ]
    said = " and ".join(word for word in against if word)
    print_line(console, f"Cleared: {said}." if said else "Neither verified nor on the allow-list.")
    print_line(console, f"Snapshot {explanation.snapshot_id}.")


def _print_ledger(explanation: AccountExplanation, console: Console) -> None:
    speaking = sum(signal.bits for signal in explanation.signals if signal.counts)
    total = explanation.prior_bits + explanation.own_bits + explanation.group_bits
    print_table(
        console,
        "Ledger, in bits (one bit doubles the odds; weights are discounted for dependence)",
        ["part", "weight#"],
        [
            ["prior", write_bits(explanation.prior_bits)],
            ["families that speak against the account", write_bits(speaking)],
            ["families that look ordinary", write_bits(explanation.own_bits - speaking)],
            ["its candidate groups", write_bits(explanation.group_bits)],
            ["sum", write_bits(total)],
        ],
        "",
    )
    print_line(
        console,
        "The sum ranks accounts outside campaigns. In a campaign the probability is that of "
        "membership times that of the campaign.",
        "dim",
    )


def _print_signals(explanation: AccountExplanation, console: Console) -> None:
    print_table(
        console,
        "Signals that speak against it",
        ["signal", "observed#", "usual#", "among#", "percentile#", "tail#", "bits#", "counts",
         "what else it can be"],
        [
            [
                row.signal_code,
                write_number(row.observed_value),
                write_number(row.baseline_value),
                f"{row.base_population:,}" if row.base_population is not None else "-",
                write_percentile(1 - row.tail_probability),
                f"{row.tail_probability:.4f}",
                write_bits(row.bits),
                "yes" if row.counts else "no",
                row.benign_explanation,
            ]
            for row in explanation.signals
        ],
        "None.",
    )  # fmt: skip
    print_line(
        console,
        "Usual: the mean of comparable established accounts. Tail: the share of them at least as "
        "extreme. Of a family only the strongest signal counts. Signals that say nothing, or that "
        "could not be measured, are not stored.",
        "dim",
    )


def _print_links(explanation: AccountExplanation, console: Console) -> None:
    print_table(
        console,
        "What it shares with other accounts",
        ["kind", "shared value", "key", "holders#", "established that hold it#",
         "its exchanges with it#", "group's bits#"],
        [
            [
                row.link_type,
                row.shared,
                row.linked_key,
                f"{row.holder_count:,}",
                write_share(row.established_ratio)
                if row.established_ratio >= 0.001
                else f"{100 * row.established_ratio:.3f} %",
                f"{row.exchange_count:,}",
                write_bits(row.bits),
            ]
            for row in explanation.links
        ],
        "Nothing that ties it to a suspected group on this day.",
    )  # fmt: skip


def _print_memberships(explanation: AccountExplanation, console: Console) -> None:
    print_table(
        console,
        "Membership",
        ["campaign", "role", "probability#", "first flagged", "seen from", "seen until",
         "in the day's cluster"],
        [
            [
                row.campaign_id,
                row.role,
                write_chance(row.membership_probability),
                str(row.first_flagged_date),
                write_moment(row.first_seen_at),
                write_moment(row.last_seen_at),
                "yes" if row.was_in_cluster else "no",
            ]
            for row in explanation.memberships
        ],
        "It is a member of no campaign.",
    )  # fmt: skip

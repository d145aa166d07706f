"""The indicators of the joint advisory AA26-251A, and which of our signals can show each.

The advisory gives no false-positive rate, so each indicator stands beside its benign cause, and an
indicator that no signal can show is "not observable" instead of "not seen".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AdvisoryIndicator:
    """One indicator, the signals or evidence codes that show it, and its benign cause."""

    text: str
    signal_codes: tuple[str, ...]
    benign_cause: str


ADVISORY_INDICATORS = (
    AdvisoryIndicator(
        "Use round the clock without a human rhythm",
        ("timing__round_the_clock", "timing__regular_gaps"),
        "nightly evaluations, batch jobs, continuous integration",
    ),
    AdvisoryIndicator(
        "New subscription straight to maximum use",
        ("tenure__straight_to_maximum",),
        "key migration, hackathon, one-seat start-up",
    ),
    AdvisoryIndicator(
        "Shared accounts, many addresses and user agents",
        ("network__many_networks",),
        "mobile staff, runners that share a key",
    ),
    AdvisoryIndicator(
        "Throughput above the subscription",
        ("cost__usage_above_plan",),
        "a heavy user on a small plan",
    ),
    AdvisoryIndicator(
        "Routing through aggregators or clouds that hides metadata",
        ("network__hidden_exits",),
        "corporate egress, privacy tools, LLM gateways",
    ),
    AdvisoryIndicator(
        "Automated removal of client metadata",
        ("identity__client_stripped",),
        "privacy proxies that strip personal data",
    ),
    AdvisoryIndicator(
        "Prompts that extract chains of thought",
        ("reasoning__elicitation",),
        "teaching, explainability duties, debugging",
    ),
    AdvisoryIndicator(
        "Failover between pathways when blocked",
        (),
        "multi-provider failover of a careful customer",
    ),
    AdvisoryIndicator(
        "Move to a new model within 24 hours of its release",
        ("pivot__within_a_day",),
        "release-day benchmarkers and enthusiasts",
    ),
    AdvisoryIndicator(
        "Quality probes that look for countermeasures",
        ("probing__safeguards",),
        "drift monitors, safety researchers",
    ),
    AdvisoryIndicator(
        "Similar registration or payment details",
        (
            "coordination__shared_attributes",
            "identity__throwaway_contact",
            "identity__virtual_payment",
        ),
        "one company, school or reseller",
    ),
    AdvisoryIndicator(
        "Identical or similar prompt text",
        ("content__technique_in_shared_text", "focus__one_template_many_fills"),
        "a class with one assignment, a popular public prompt",
    ),
    AdvisoryIndicator(
        "Replay of artefacts issued to other accounts",
        ("replay__foreign_artifacts",),
        "teams that hand sessions on",
    ),
)


def judge_indicator(
    indicator: AdvisoryIndicator,
    evidence_weights: Mapping[str, float],
    raised_shares: Mapping[str, float],
    observed_families: Collection[str],
) -> str:
    """Return seen, not seen or not observable.

    Seen needs a piece of evidence with a positive weight, or a signal that speaks on at least a
    fifth of the members. Not seen needs that a family of the indicator was observed at all.

    >>> rule = ADVISORY_INDICATORS[3]
    >>> judge_indicator(rule, {}, {"cost__usage_above_plan": 0.5}, {"cost"})
    'seen'
    >>> judge_indicator(rule, {}, {}, {"cost"}), judge_indicator(rule, {}, {}, {"timing"})
    ('not seen', 'not observable')
    """
    codes = indicator.signal_codes
    if any(
        evidence_weights.get(code, 0) > 0 or raised_shares.get(code, 0) >= 0.2 for code in codes
    ):
        return "seen"
    families = {code.split("__")[0] for code in codes}
    is_observed = any(code in evidence_weights for code in codes)
    return "not seen" if is_observed or families & set(observed_families) else "not observable"

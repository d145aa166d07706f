"""Collects a campaign's evidence, the advisory indicators and the alternative explanations."""

from __future__ import annotations

from stillwatch.reporting.collect.common import Occasion, one, read_list, unknown
from stillwatch.reporting.facts import (
    AlternativeRow,
    EvidenceRow,
    FamilyRow,
    HypothesisRow,
    IndicatorRow,
)
from stillwatch.reporting.numbers import Row
from stillwatch.reporting.parts import Bar, Prose, WaterfallChart, prose
from stillwatch.reporting.wording import (
    join_words,
    label_family,
    label_link,
    label_technique,
    write_shape,
)

_SET_APART_LOG10 = 0.3  # a family that doubles the odds, one bit
_RESULT_TONES = {"seen": "alarm", "not seen": "calm", "not observable": "plain"}


def collect_families(occasion: Occasion, campaign_id: str) -> tuple[FamilyRow, ...]:
    """Return the weight of each evidence family."""
    rows = occasion.book.rows("families", campaign_id=campaign_id)
    return tuple(
        FamilyRow(
            family=label_family(unknown(row.text("family"))),
            evidence_count=row.figure("evidence_count"),
            weight_log10=row.figure("weight_log10"),
        )
        for row in rows
        if row.get("step") == 1
    )


def make_waterfall(occasion: Occasion, campaign_id: str) -> WaterfallChart | None:
    """Return the steps from prior to posterior odds."""
    rows = occasion.book.rows("families", campaign_id=campaign_id)
    if len(rows) < 3:
        return None
    bars = tuple(
        Bar(_label_step(row), row.figure("weight_log10"), row.get("step") in (0, 3))
        for row in rows
        if row.get("step") != 2 or abs(row.number("weight_log10")) >= 0.005
    )
    families = [bar for bar in bars if not bar.is_total and bar.label != "cap on the probability"]
    steps = "; ".join(f"{bar.label} {bar.figure.text}" for bar in bars)
    if families:
        title = prose(
            f"The heaviest family is {families[0].label}, with a weight of {{}}.",
            families[0].figure,
        )
    else:
        title = one("No evidence is recorded for this day.")
    return WaterfallChart(
        kind="waterfall",
        title=title,
        note="log10 odds: each step to the right by one makes the campaign ten times as probable.",
        alt=f"Waterfall of log10 odds: {steps}.",
        bars=bars,
    )


def collect_evidence(occasion: Occasion, campaign_id: str) -> tuple[EvidenceRow, ...]:
    """Return every piece of evidence, heaviest first."""
    return tuple(
        EvidenceRow(
            evidence_id=unknown(row.text("evidence_id")),
            signal_code=f"{unknown(row.text('signal_code'))}, version "
            f"{unknown(row.text('signal_version'))}",
            family=label_family(unknown(row.text("family"))),
            statement=unknown(row.text("statement"), "No statement recorded."),
            observed_value=row.figure("observed_value"),
            baseline_value=row.figure("baseline_value"),
            base_population_count=row.figure("base_population_count"),
            weight_log10=row.figure("weight_log10"),
            measured=_write_measured(row),
            benign_explanation=unknown(row.text("benign_explanation"), "not assessed"),
            data_fields=", ".join(read_list(row.text("data_fields_used"))) or "not recorded",
        )
        for row in occasion.book.rows("evidence", campaign_id=campaign_id)
    )


def collect_indicators(occasion: Occasion, campaign_id: str) -> tuple[IndicatorRow, ...]:
    """Return each indicator of the joint advisory with its result and measured base rates."""
    rows = []
    for row in occasion.book.rows("advisory", campaign_id=campaign_id):
        result = unknown(row.text("result"))
        tone = _RESULT_TONES[result]
        rows.append(
            IndicatorRow(
                number=row.text("advisory_number") or "further",
                indicator=unknown(row.text("title")),
                result=result,
                tone=tone,
                shape=write_shape(tone),
                members=prose("{} of {}", row.figure("shown_count"), row.figure("measured_count"))
                if result != "not observable"
                else one("-"),
                established=_write_base_rate(row, "established"),
                lookalikes=_write_base_rate(row, "lookalike"),
                basis=_write_basis(row),
                benign_cause=unknown(row.text("benign_cause"), "not assessed"),
            )
        )
    return tuple(rows)


def collect_alternatives(occasion: Occasion, campaign_id: str) -> tuple[AlternativeRow, ...]:
    """Return the alternative explanations with what was counted for each."""
    row = occasion.book.row("alternatives", campaign_id=campaign_id)
    everyone = row.figure("account_count")

    return (
        _weigh(row, "allowlisted_count", "Authorised distillation or research under licence"),
        _weigh(row, "verified_count", "A verified business that uses many accounts"),
        _weigh(row, "education_count", "A class with one assignment"),
        AlternativeRow(
            "One organisation with many seats",
            prose(
                "{} of {} accounts name no organisation; the most common of {} names covers {}.",
                row.figure("no_organization_count"),
                everyone,
                row.figure("organization_count"),
                row.figure("largest_organization_count"),
            )
            if row.number("organization_count")
            else prose("None of the {} accounts names an organisation.", everyone),
            "open: a customer's own statement would settle it",
        ),
        AlternativeRow(
            "A reseller or relay that carries unrelated customers",
            one("The share of exchanges without a shared template or a technique is the camouflage "
                "or the resold use; the two cannot be told apart from logs alone."),
            "possible beside extraction",
        ),
        AlternativeRow(
            "A privacy or circumvention tool",
            one("Exits on proxy or VPN lists never connect accounts and are never evidence alone."),
            "excluded as a reason for this finding",
        ),
        _compare_with_cleared(occasion, campaign_id),
    )  # fmt: skip


def collect_hypotheses(occasion: Occasion, campaign_id: str) -> tuple[HypothesisRow, ...]:
    """Return the attribution hypotheses, if the marts carry any."""
    return tuple(
        HypothesisRow(
            organization_id=unknown(row.text("organization_id")),
            likelihood_term=unknown(row.text("likelihood_term"), "not assessed"),
            confidence_level=unknown(row.text("confidence_level"), "not assessed"),
            evidence_for=unknown(row.text("evidence_for"), "none recorded"),
            evidence_against=unknown(row.text("evidence_against"), "none recorded"),
            source_grades=unknown(row.text("source_grades"), "not graded"),
        )
        for row in occasion.book.rows("hypotheses", campaign_id=campaign_id)
    )


def _compare_with_cleared(occasion: Occasion, campaign_id: str) -> AlternativeRow:
    rows = occasion.book.rows("nearest_cleared", campaign_id=campaign_id)
    explanation = "A group like those that were tested and let go"
    if not rows:
        return AlternativeRow(
            explanation, one("No group of the same kind was let go on this day."), "not measured"
        )
    first = rows[0]
    apart = [
        label_family(unknown(row.text("family")))
        for row in rows
        if row.number("weight_log10") - row.number("cleared_weight_log10") >= _SET_APART_LOG10
    ]
    return AlternativeRow(
        explanation,
        prose(
            "The nearest is one of {} accounts that share: "
            f"{unknown(first.text('cleared_group_label'))}. It was let go because "
            f"{unknown(first.text('cleared_because'))}. "
            "Of {} such groups that were let go on the day, a share of at most {} has as much "
            "evidence.",
            first.figure("cleared_account_count"),
            first.figure("comparable_group_count"),
            first.figure("comparable_tail_probability"),
        ),
        f"set apart by {join_words(apart)}" if apart else "not set apart by any family",
    )


def _weigh(row: Row, column: str, explanation: str) -> AlternativeRow:
    words = {
        "allowlisted_count": "{} of {} accounts are on the allow-list.",
        "verified_count": "{} of {} accounts belong to a verified business.",
        "education_count": "{} of {} accounts signed up on an education path.",
    }
    figure, everyone = row.figure(column), row.figure("account_count")
    share = row.number(column) / max(row.number("account_count"), 1)
    result = (
        "not supported" if share == 0 else "supported in part" if share < 0.5 else "well supported"
    )
    return AlternativeRow(explanation, prose(words[column], figure, everyone), result)


def _write_base_rate(row: Row, population: str) -> Prose:
    ratio = row.figure(f"{population}_ratio")
    if ratio.value is None:
        return one("not measured")
    return prose("{} of {}", ratio, row.figure(f"{population}_count"))


def _write_basis(row: Row) -> str:
    links = [label_link(code) for code in read_list(row.text("link_types"))]
    techniques = [label_technique(code) for code in read_list(row.text("technique_codes"))]
    words = [*read_list(row.text("signal_codes")), *techniques]
    if links:
        words.append(f"rare shared values: {'; '.join(links)}")
    return ", ".join(words) or "nothing in force measures it"


def _write_measured(row: Row) -> Prose:
    observed, baseline = row.figure("observed_value"), row.figure("baseline_value")
    population = row.figure("base_population_count")
    if observed.value is None:
        return one("No single observed value.")
    if baseline.value is None:
        return prose("Observed {}.", observed)
    if population.value is None:
        return prose("Observed {}, baseline {}.", observed, baseline)
    return prose("Observed {}, baseline {} among {} accounts.", observed, baseline, population)


def _label_step(row: Row) -> str:
    match row.get("step"):
        case 0:
            return "prior odds"
        case 2:
            return "cap on the probability"
        case 3:
            return "posterior odds"
        case _:
            return label_family(unknown(row.text("family")))

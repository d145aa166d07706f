"""Collects the facts of the leadership brief."""

from __future__ import annotations

from stillwatch.reporting.codenames import codename
from stillwatch.reporting.collect.common import (
    Occasion,
    collect_markers,
    collect_quality,
    make_header,
    make_points,
    one,
    read_list,
    unknown,
    write_due,
)
from stillwatch.reporting.facts import (
    CampaignCard,
    CoverageRow,
    DecisionAsked,
    Document,
    LeadershipBriefFacts,
    QualityLight,
    Tile,
)
from stillwatch.reporting.numbers import Figure, Row
from stillwatch.reporting.parts import PanelsChart, Prose, Series, counted, prose
from stillwatch.reporting.wording import (
    join_words,
    label_capability,
    label_family,
    label_platform,
    plural,
    write_count,
    write_date,
    write_shape,
)

MAX_CARDS = 5
MAX_PANELS = 4
MAX_MOVEMENTS = 4
NOT_OBSERVABLE = (
    "Answers that were bought or copied from third parties, models run on other providers' "
    "hardware, and traffic of platforms that deliver no logs leave no trace here."
)
_LIKELIHOOD_TONES = {"almost certain": "alarm", "very likely": "alarm", "likely": "watch"}
_EVENTS = {
    "born": "{name} was first seen as a group on {day}.",
    "grew": "{name} was found on {day} to send more than before.",
    "split": "{name} split from {other} on {day}.",
    "merged": "{name} and {other} were found on {day} to be one.",
    "resurrected": "{name} came back on {day}.",
    "dormant": "{name} fell silent by {day}.",
}


def collect_brief(occasion: Occasion) -> LeadershipBriefFacts:
    """Return the facts of the day's leadership brief; no campaign is a valid finding."""
    totals = occasion.book.row("brief_totals")
    rows = occasion.book.rows("brief_campaigns")
    quality, quality_totals = collect_quality(occasion)
    coverage = _collect_coverage(occasion)
    report_id = f"brief-{occasion.day.isoformat()}"
    header = make_header(
        occasion,
        Document.LEADERSHIP_BRIEF,
        report_id,
        _write_headline(rows, totals),
        "Suspected model-extraction campaigns of the week, for leadership",
    )
    judgement, confidence = _write_judgement(rows, totals, quality)
    return LeadershipBriefFacts(
        header=header,
        judgement=judgement,
        confidence=confidence,
        tiles=_make_tiles(totals),
        activity=_make_activity(occasion, rows),
        campaigns=tuple(_make_card(row) for row in rows[:MAX_CARDS]),
        campaigns_note=_write_campaigns_note(rows, totals),
        movements=_collect_movements(occasion),
        coverage=coverage,
        decisions=_make_decisions(occasion, rows, quality, quality_totals),
        quality=quality,
        mind_changers=_collect_mind_changers(occasion, rows),
        not_observable=NOT_OBSERVABLE,
    )


def write_name(campaign_id: str) -> str:
    """Return a campaign's id with its codename."""
    return f"{campaign_id} {codename(campaign_id)}"


def write_tone(likelihood_term: str | None) -> str:
    """Return the tone of a likelihood term."""
    return _LIKELIHOOD_TONES.get(likelihood_term or "", "plain")


def write_event(row: Row) -> str:
    """Return a lineage event as a sentence."""
    event = row.text("event") or "changed"
    template = _EVENTS.get(event, "{name}: " + event + " on {day}.")
    related = row.text("related_campaign_id")
    return template.format(
        name=write_name(row.text("campaign_id") or "Unknown"),
        other=write_name(related) if related else "another campaign",
        day=write_date(row.get("as_of_date")),
    )


def _write_headline(rows: list[Row], totals: Row) -> str:
    if not rows:
        return "No suspected extraction campaign was identified this week"
    count = write_count(len(rows)).capitalize()
    noun = plural(len(rows), "campaign")
    verb = plural(len(rows), "is", "are")
    head = f"{count} suspected extraction {noun} {verb} active"
    back = [row for row in rows if row.number("after_ban_count") and row.number("banned_count")]
    if back:
        name = codename(back[0].text("campaign_id") or "")
        return f"{head}; {name} went on after accounts were banned"
    growing = [row for row in rows if row.number("exchange_change_count") > 0]
    new = int(totals.number("new_campaign_count"))
    if new:
        return f"{head}; {write_count(new)} {plural(new, 'was', 'were')} flagged this week"
    if growing:
        return f"{head}; {write_count(len(growing))} grew this week"
    return f"{head}; none grew this week"


def _write_judgement(rows: list[Row], totals: Row, quality: QualityLight) -> tuple[Prose, Prose]:
    if not rows:
        judgement = prose(
            "None identified. {} exchanges of {} accounts were examined this week, and no group of "
            "accounts showed both coordination and extraction behaviour.",
            totals.figure("exchange_count"),
            totals.figure("active_account_count"),
        )
        confidence = one(
            f"The data of the day are {quality.word}. A campaign smaller than the detection "
            "floor, or off these platforms, would not be seen."
        )
        return judgement, confidence
    first = rows[0]
    term = unknown(first.text("likelihood_term"), "not assessed")
    aim = label_capability(first.text("main_capability_code"))
    name = write_name(first.text("campaign_id") or "")
    judgement = prose(
        "We assess that it is "
        + term
        + f" that {name} is a coordinated effort to extract our models' {aim}: {{}} accounts sent "
        "{} exchanges this week.",
        first.figure("account_count"),
        first.figure("exchange_count"),
    )
    level = unknown(first.text("confidence_level"), "not assessed")
    reason = (first.text("confidence_reason") or "no reason recorded").rstrip(".")
    return judgement, one(f"Confidence in this judgement is {level}: {reason}.")


def _make_tiles(totals: Row) -> tuple[Tile, ...]:
    has_comparator = bool(totals.number("comparator_count"))
    has_campaigns = bool(totals.number("campaign_count"))
    return (
        _tile(
            totals.figure("campaign_count"),
            one(plural(totals.number("campaign_count"), "campaign") + " suspected and active"),
            *_write_change(totals.figure("campaign_change_count"), has_comparator),
        ),
        _tile(
            totals.figure("account_count"),
            prose(
                "accounts in them, of {} active this week", totals.figure("active_account_count")
            ),
            *_write_change(totals.figure("account_change_count"), has_comparator),
        ),
        _tile(
            totals.figure("extraction_ratio"),
            prose(
                "of all {} exchanges estimated to be extraction", totals.figure("exchange_count")
            ),
            prose(
                "range {} to {}",
                totals.figure("extraction_ratio_low"),
                totals.figure("extraction_ratio_high"),
            )
            if has_campaigns
            else one("no campaign to estimate"),
            "plain",
        ),
        _tile(
            totals.figure("median_flag_days"),
            one("median from first exchange to first flag"),
            prose("{} of the accounts are banned", totals.figure("banned_count")),
            "plain",
            plural(totals.figure("median_flag_days").value, "day"),
        )
        if has_campaigns
        else _tile(
            totals.figure("resting_count"),
            one("campaigns seen earlier, now dormant or disrupted"),
            one("watched for a return"),
            "plain",
        ),
    )


def _tile(figure: Figure, label: Prose, change: Prose, tone: str, unit_label: str = "") -> Tile:
    return Tile(figure, unit_label, label, change, tone, write_shape(tone))


def _write_change(change: Figure, has_comparator: bool) -> tuple[Prose, str]:
    if not has_comparator:
        return one("no figure of a week ago to compare with"), "plain"
    if not change.value:
        return one("as many as a week ago"), "plain"
    return prose("{} against a week ago", change), "alarm" if change.value > 0 else "calm"


def _make_activity(occasion: Occasion, rows: list[Row]) -> PanelsChart | None:
    charted = []
    for row in rows[:MAX_PANELS]:
        campaign_id = row.text("campaign_id") or ""
        days = occasion.book.rows("activity_days", campaign_id=campaign_id)
        if days:
            points = make_points(days, "activity_date", "exchange_count")
            charted.append(
                (campaign_id, label_capability(row.text("main_capability_code")), points)
            )
    if not charted:
        return None
    first_day = min(points[0].day for _, _, points in charted)
    panels = [
        Series(
            write_name(campaign_id),
            note,
            points,
            collect_markers(occasion, first_day, campaign_id),
        )
        for campaign_id, note, points in charted
    ]
    lead = rows[0]
    name = codename(lead.text("campaign_id") or "")
    if lead.number("banned_count") and lead.number("after_ban_count"):
        title = prose(
            "After the last bans {} sent another {} exchanges.",
            name,
            lead.figure("after_ban_count"),
        )
    else:
        title = prose("{} sent {} exchanges this week.", name, lead.figure("exchange_count"))
    ends = "; ".join(
        f"{panel.label}: {panel.points[0].figure.text} exchanges on "
        f"{write_date(panel.points[0].day)}, {panel.points[-1].figure.text} on the last day, "
        f"at most {max(panel.points, key=lambda point: point.figure.value or 0).figure.text}"
        for panel in panels
    )
    return PanelsChart(
        kind="panels",
        title=title,
        note="Exchanges per day; each panel has its own scale, from zero. Dashed rules: model "
        "releases. Dotted rules: bans.",
        alt=f"Small line charts of daily exchanges, one for each campaign. {ends}.",
        panels=tuple(panels),
        has_shared_scale=False,
    )


def _make_card(row: Row) -> CampaignCard:
    campaign_id = row.text("campaign_id") or "Unknown"
    tone = write_tone(row.text("likelihood_term"))
    return CampaignCard(
        campaign_id=campaign_id,
        codename=codename(campaign_id),
        status=row.text("status") or "suspected",
        capability=label_capability(row.text("main_capability_code")),
        account_count=row.figure("account_count"),
        exchange_count=row.figure("exchange_count"),
        exchange_change_count=row.figure("exchange_change_count"),
        likelihood_term=unknown(row.text("likelihood_term"), "not assessed"),
        tone=tone,
        shape=write_shape(tone),
        confidence_level=unknown(row.text("confidence_level"), "not assessed"),
        confidence_reason=unknown(row.text("confidence_reason"), "no reason recorded"),
    )


def _write_campaigns_note(rows: list[Row], totals: Row) -> Prose | None:
    if not rows:
        return None
    if len(rows) > MAX_CARDS:
        return prose(
            f"The {write_count(MAX_CARDS)} most urgent of {{}}; each has a dossier.",
            totals.figure("campaign_count"),
        )
    if totals.number("resting_count"):
        return Prose(
            (
                *counted(totals.figure("resting_count"), "more is", "more are").parts,
                " dormant or disrupted.",
            )
        )
    return None


def _collect_movements(occasion: Occasion) -> tuple[Prose, ...]:
    rows = occasion.book.rows("lineage_period")
    return tuple(one(write_event(row)) for row in rows[:MAX_MOVEMENTS])


def _collect_coverage(occasion: Occasion) -> tuple[CoverageRow, ...]:
    return tuple(
        CoverageRow(
            platform=label_platform(row.text("platform") or "Unknown"),
            account_count=row.figure("account_count"),
            exchange_count=row.figure("exchange_count"),
            flagged_account_count=row.figure("flagged_account_count"),
        )
        for row in occasion.book.rows("coverage")
    )


def _make_decisions(
    occasion: Occasion, rows: list[Row], quality: QualityLight, totals: Row
) -> tuple[DecisionAsked, ...]:
    decisions = []
    for row in rows[:2]:
        name = write_name(row.text("campaign_id") or "")
        banned = row.figure("banned_count")
        if banned.value and row.number("after_ban_count"):
            reason = prose(
                "{} of its {} accounts are banned, and {} exchanges followed the last ban.",
                banned,
                row.figure("account_count"),
                row.figure("after_ban_count"),
            )
        elif banned.value:
            reason = prose(
                "{} of its {} accounts are banned; the others stay open.",
                banned,
                row.figure("account_count"),
            )
        else:
            reason = prose("None of its {} accounts is banned yet.", row.figure("account_count"))
        decisions.append(
            DecisionAsked(
                f"Decide on {name} as one network.",
                reason,
                "trust and safety",
                write_due(occasion.day, 2),
            )
        )
    if rows:
        verb = plural(len(rows), "dossier", "dossiers")
        decisions.append(
            DecisionAsked(
                f"Approve or reject the campaign {verb}.",
                one("Nothing is released before a person has approved it."),
                "compliance",
                write_due(occasion.day, 1),
            )
        )
    if quality.tone != "calm":
        decisions.append(
            DecisionAsked(
                "Close the gap in the data.",
                Prose(
                    (
                        *counted(totals.figure("warning_count"), "warning").parts,
                        " and ",
                        *counted(
                            totals.figure("missing_count"), "missing delivery", "missing deliveries"
                        ).parts,
                        " lower the confidence of every judgement.",
                    )
                ),
                "data platform",
                write_due(occasion.day, 3),
            )
        )
    return tuple(decisions[:4])


def _collect_mind_changers(occasion: Occasion, rows: list[Row]) -> tuple[str, ...]:
    if not rows:
        return ("A report of extraction from a partner, a cloud platform or a peer laboratory.",)
    campaign_id = rows[0].text("campaign_id") or ""
    changers = []
    for row in occasion.book.rows("evidence", campaign_id=campaign_id)[:2]:
        explanation = row.text("benign_explanation")
        if explanation:
            family = label_family(row.text("family") or "evidence")
            changers.append(f"on {family}: {explanation[:1].lower()}{explanation[1:].rstrip('.')}")
    missing = [label_family(code) for code in read_list(rows[0].text("unavailable_families"))]
    texts = [f"Signs that honest use explains it ({'; '.join(changers)})."] if changers else []
    texts.append("Evidence that the accounts belong to one licensed customer.")
    if missing:
        texts.append(f"Data on {join_words(missing)}, which were not available.")
    return tuple(texts)

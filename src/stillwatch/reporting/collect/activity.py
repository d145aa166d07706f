"""Collects a campaign's activity: timeline, capabilities and the table of days."""

from __future__ import annotations

from stillwatch.reporting.codenames import codename
from stillwatch.reporting.collect.common import (
    Occasion,
    collect_markers,
    make_points,
    one,
    unknown,
)
from stillwatch.reporting.facts import CapabilityRow, DayRow
from stillwatch.reporting.numbers import Row
from stillwatch.reporting.parts import PanelsChart, Prose, Series, TimelineChart, prose
from stillwatch.reporting.wording import (
    label_capability,
    label_platform,
    plural,
    write_date,
)

MAX_DAY_ROWS = 21
MAX_LINES = 4
MAX_CAPABILITIES = 4


def collect_timeline(occasion: Occasion, campaign_id: str, campaign: Row) -> TimelineChart | None:
    """Return daily exchanges by platform with release and ban markers."""
    by_platform = _group(occasion.book.rows("platform_days", campaign_id=campaign_id), "platform")
    lines = tuple(
        Series(
            label_platform(platform), "", make_points(rows, "activity_date", "exchange_count"), ()
        )
        for platform, rows in list(by_platform.items())[:MAX_LINES]
    )
    if not lines:
        return None
    first_day = lines[0].points[0].day
    markers = collect_markers(occasion, first_day, campaign_id)
    peak = max(lines[0].points, key=lambda point: (point.figure.value or 0, point.day))
    title = prose(
        f"{codename(campaign_id)} peaked on {write_date(peak.day)} with {{}} exchanges on the "
        f"{lines[0].label}.",
        peak.figure,
    )
    events = "; ".join(f"{marker.label} on {write_date(marker.day)}" for marker in markers)
    words = "; ".join(
        f"{line.label}: {line.points[0].figure.text} on {write_date(line.points[0].day)}, "
        f"{line.points[-1].figure.text} on {write_date(line.points[-1].day)}"
        for line in lines
    )
    return TimelineChart(
        kind="timeline",
        title=title,
        note="Exchanges per day by platform. Dashed rules: model releases. Dotted rules: bans.",
        alt=f"Line chart of daily exchanges by platform. {words}. "
        f"Events: {events or 'none recorded'}. "
        f"In all {campaign.figure('exchange_count').text} exchanges.",
        lines=lines,
        markers=markers,
    )


def collect_capability_chart(
    occasion: Occasion, campaign_id: str, campaign: Row
) -> PanelsChart | None:
    """Return small multiples of daily exchanges by capability, on one shared scale."""
    rows = occasion.book.rows("capability_days", campaign_id=campaign_id)
    by_capability = _group(rows, "capability_code")
    panels = tuple(
        Series(label_capability(code), "", make_points(rows, "activity_date", "exchange_count"), ())
        for code, rows in list(by_capability.items())[:MAX_CAPABILITIES]
    )
    if not panels:
        return None
    main = label_capability(campaign.text("main_capability_code"))
    left_out = len(by_capability) - len(panels)
    noun = plural(left_out, "capability is", "capabilities are")
    words = "; ".join(
        f"{panel.label}: at most "
        f"{max(panel.points, key=lambda point: point.figure.value or 0).figure.text} a day"
        for panel in panels
    )
    return PanelsChart(
        kind="panels",
        title=one(f"The suspected extraction aims most at {main}."),
        note="Exchanges per day by capability; all panels share one scale, from zero."
        + (f" {left_out} smaller {noun} not drawn." if left_out else ""),
        alt=f"Small line charts of daily exchanges, one for each capability. {words}.",
        panels=panels,
        has_shared_scale=True,
    )


def collect_capabilities(occasion: Occasion, campaign_id: str) -> tuple[CapabilityRow, ...]:
    """Return exchanges by capability."""
    return tuple(
        CapabilityRow(
            capability=label_capability(row.text("capability_code")),
            exchange_count=row.figure("exchange_count"),
            extraction_exchange_count=row.figure("extraction_exchange_count"),
            extraction_share_ratio=row.figure("extraction_share_ratio"),
        )
        for row in occasion.book.rows("capabilities", campaign_id=campaign_id)
    )


def collect_days(occasion: Occasion, campaign_id: str) -> tuple[tuple[DayRow, ...], Prose]:
    """Return the last days as a table, newest first, and what the table leaves out."""
    rows = occasion.book.rows("campaign_day_table", campaign_id=campaign_id)
    table = tuple(
        DayRow(
            day_label=row.get("activity_date").isoformat(),
            account_count=row.figure("account_count"),
            exchange_count=row.figure("exchange_count"),
            attempted_count=row.figure("attempted_count"),
            extraction_exchange_count=row.figure("extraction_exchange_count"),
            total_tokens=row.figure("total_tokens"),
        )
        for row in rows[:MAX_DAY_ROWS]
    )
    if len(rows) > MAX_DAY_ROWS:
        return table, one(
            f"The last {MAX_DAY_ROWS} active days; {len(rows) - MAX_DAY_ROWS} earlier ones are in "
            "the attached facts."
        )
    return table, one("Every day with activity, newest first.")


def _group(rows: list[Row], column: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(unknown(row.text(column)), []).append(row)
    return groups

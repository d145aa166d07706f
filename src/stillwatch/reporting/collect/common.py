"""What all three documents need: header, quality light, lists, markers, glossary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from stillwatch import __version__
from stillwatch.reporting.facts import Document, FeedRow, QualityLight, SourceRow
from stillwatch.reporting.numbers import NumberBook, Row
from stillwatch.reporting.parts import (
    Header,
    Marker,
    Point,
    Prose,
    Reproduction,
    TermMeaning,
    counted,
    join_prose,
    prose,
)
from stillwatch.reporting.text import clean
from stillwatch.reporting.wording import (
    CONFIDENCE_MEANINGS,
    LIKELIHOOD_BANDS,
    plural,
    write_date,
    write_period,
    write_shape,
)
from stillwatch.settings import Settings

MARKING = "TLP:AMBER+STRICT"
HANDLING = "Stays inside the organisation, for those who need it to act"
CHART_DAYS = 90
PERIOD_DAYS = 7

_LABELS = {
    Document.LEADERSHIP_BRIEF: ("Leadership brief", "leadership"),
    Document.CAMPAIGN_DOSSIER: ("Campaign dossier", "trust and safety"),
    Document.QUALITY_ANNEX: ("Data quality and methodology", "analysts and auditors"),
}


@dataclass(frozen=True)
class Occasion:
    """For which day, of which snapshot and under which settings facts are collected."""

    settings: Settings
    day: date
    book: NumberBook
    snapshot: Row
    template_digest: str


def make_parameters(day: date) -> dict[str, str | int | date]:
    """Return the parameters that every named query may use for a day."""
    return {
        "as_of_date": day,
        "day_before": day - timedelta(days=1),
        "period_from": day - timedelta(days=PERIOD_DAYS - 1),
        "previous_date": day - timedelta(days=PERIOD_DAYS),
        "previous_from": day - timedelta(days=2 * PERIOD_DAYS - 1),
        "chart_from": day - timedelta(days=CHART_DAYS - 1),
    }


def make_header(
    occasion: Occasion, document: Document, report_id: str, title: str, subject: str
) -> Header:
    """Return the header of a first draft; versions and approval are filled in by the register."""
    label, audience = _LABELS[document]
    days = 1 if document is Document.QUALITY_ANNEX else PERIOD_DAYS
    period_from = occasion.day - timedelta(days=days - 1)
    period_until = occasion.day + timedelta(days=1)
    versions = occasion.snapshot.text("signal_versions") or ""
    count = occasion.snapshot.figure("signal_count").text
    return Header(
        report_id=report_id,
        document=document.value,
        document_label=label,
        title=title,
        subject=subject,
        version=1,
        state="draft",
        state_label="DRAFT, not approved",
        marking=MARKING,
        handling=HANDLING,
        audience=audience,
        organization=clean(occasion.settings.organization, limit=60),
        contact=clean(occasion.settings.contact, limit=80),
        period_from=period_from,
        period_until=period_until,
        period_label=write_period(period_from, period_until),
        as_of_date=occasion.day,
        snapshot_id=occasion.book.snapshot_id,
        fingerprint=(occasion.snapshot.text("fingerprint") or "Unknown")[:64],
        rule_set=f"{count} signals, {sha256(versions.encode()).hexdigest()[:12]}",
        template_digest=occasion.template_digest,
        software=f"Stillwatch {__version__}",
        paper=occasion.settings.paper,
        approved_by=None,
        approved_at=None,
        approved_label=None,
        approval_comment=None,
    )


def read_list(text: str | None) -> list[str]:
    """Return the items of a mart's JSON list as cleaned text; null and broken JSON are empty."""
    if not text:
        return []
    try:
        items = json.loads(text)
    except json.JSONDecodeError:
        return []
    return [clean(str(item)) for item in items] if isinstance(items, list) else []


def collect_quality(occasion: Occasion) -> tuple[QualityLight, Row]:
    """Return the day's quality light with its reason, and the totals it was read from."""
    totals = occasion.book.row("quality_totals")
    count = totals.figure
    problems = _find_problems(totals)
    tones = {tone for tone, _ in problems}
    tone = "alarm" if "alarm" in tones else "watch" if tones else "calm"
    word = {"alarm": "not reliable", "watch": "usable with limits", "calm": "complete"}[tone]
    if problems:
        reason = join_prose([problem for _, problem in problems])
    else:
        reason = prose(
            "all {} deliveries balance, all {} expectations passed, all {} threat "
            "feeds are current",
            count("delivery_count"),
            count("expectation_count"),
            count("feed_count"),
        )
    return QualityLight(tone, write_shape(tone), word, reason), totals


def _find_problems(totals: Row) -> list[tuple[str, Prose]]:
    count = totals.figure
    stale = counted(count("old_feed_count"), "threat feed is", "threat feeds are")
    missing = counted(count("missing_feed_count"), "threat feed is", "threat feeds are")
    late = counted(count("missing_count"), "delivery", "deliveries")
    refused = counted(count("refused_file_count"), "file")
    stops = counted(count("critical_count"), "stopping expectation")
    found: list[tuple[bool, str, Prose]] = [
        (not count("delivery_count").value, "alarm", one("nothing was delivered on the day")),
        (
            bool(count("unbalanced_count").value),
            "alarm",
            prose(
                "rows read do not equal rows kept and set aside in {} of {} deliveries",
                count("unbalanced_count"),
                count("delivery_count"),
            ),
        ),
        (bool(count("critical_count").value), "alarm", _append(stops, " failed")),
        (not count("expectation_count").value, "alarm", one("no expectation was evaluated")),
        (
            bool(count("missing_count").value),
            "watch",
            _append(late, " of the days before did not come on this day"),
        ),
        (bool(count("refused_file_count").value), "watch", _append(refused, " could not be read")),
        (
            bool(count("warning_count").value),
            "watch",
            prose("{} of {} expectations gave a warning",
                  count("warning_count"), count("expectation_count")),
        ),
        (
            bool(count("old_feed_count").value),
            "watch",
            _append(stale, " an older version, kept because the newest could not be used"),
        ),
        (bool(count("missing_feed_count").value), "watch", _append(missing, " missing")),
    ]  # fmt: skip
    return [(tone, problem) for applies, tone, problem in found if applies]


def _append(start: Prose, words: str) -> Prose:
    return Prose((*start.parts, words))


def collect_feeds(occasion: Occasion) -> tuple[FeedRow, ...]:
    """Return the threat feeds in use."""
    tones = {"current": "calm", "last_good": "watch", "missing": "alarm"}
    rows = []
    for row in occasion.book.rows("feeds"):
        state = row.text("state") or "Unknown"
        tone = tones.get(state, "watch")
        licence = row.text("licence") or "licence unknown"
        use = row.text("permitted_use") or "permitted use unknown"
        rows.append(
            FeedRow(
                feed_id=row.text("feed_id") or "Unknown",
                state=state.replace("_", " "),
                tone=tone,
                shape=write_shape(tone),
                version=row.text("version") or "none",
                age_days=row.figure("age_days"),
                entry_count=row.figure("entry_count"),
                used_count=row.figure("used_count"),
                refused_count=row.figure("refused_count"),
                marking=row.text("marking") or "Unknown",
                licence=f"{licence}; {use}",
                source_reliability=row.text("source_reliability") or "not assessed",
            )
        )
    return tuple(rows)


def collect_sources(occasion: Occasion) -> tuple[SourceRow, ...]:
    """Return every source with its rows over all delivered days."""
    return tuple(
        SourceRow(
            source_id=row.text("source_id") or "Unknown",
            kind=row.text("kind") or "Unknown",
            day_count=row.figure("day_count"),
            read_count=row.figure("read_count"),
            accepted_count=row.figure("accepted_count"),
            duplicate_count=row.figure("duplicate_count"),
            quarantined_count=row.figure("quarantined_count"),
        )
        for row in occasion.book.rows("sources")
    )


def collect_markers(
    occasion: Occasion, first_day: date, campaign_id: str | None
) -> tuple[Marker, ...]:
    """Return release days and, for a campaign, the days of larger bans, from `first_day` on."""
    releases: dict[date, list[str]] = {}
    for row in occasion.book.rows("releases"):
        if row.get("released_date") >= first_day:
            releases.setdefault(row.get("released_date"), []).append(row.text("model") or "a model")
    markers = [
        Marker(
            day,
            "release",
            f"{models[0]} released" if len(models) == 1 else f"{len(models)} models released",
        )
        for day, models in releases.items()
    ]
    if campaign_id is not None:
        bans = occasion.book.rows("bans", campaign_id=campaign_id)
        largest = max((row.number("account_count") for row in bans), default=0)
        for row in bans:
            count = row.figure("account_count")
            if row.get("ban_date") >= first_day and row.number("account_count") >= largest / 4:
                noun = plural(count.value, "account")
                markers.append(Marker(row.get("ban_date"), "ban", f"{count.text} {noun} banned"))
    return tuple(sorted(markers, key=lambda marker: (marker.day, marker.kind)))


def make_points(rows: list[Row], day_column: str, column: str) -> tuple[Point, ...]:
    """Return a series of daily figures from query rows."""
    return tuple(Point(row.get(day_column), row.figure(column)) for row in rows)


def make_glossary() -> tuple[TermMeaning, ...]:
    """Return the words of likelihood, confidence and subject."""
    words = [TermMeaning(term, f"likelihood {band}") for term, band in LIKELIHOOD_BANDS]
    words += [TermMeaning(f"{level} confidence", meaning) for level, meaning in CONFIDENCE_MEANINGS]
    words += [
        TermMeaning("exchange", "one request with its reply"),
        TermMeaning("account", "a customer's identity on one platform, shown by a keyed pseudonym"),
        TermMeaning("signal", "one measured behaviour of an account"),
        TermMeaning("evidence", "a signal on a campaign, with its weight"),
        TermMeaning("campaign", "a suspected effort that persists over days"),
        TermMeaning(
            "weight", "log10 likelihood ratio: +1 makes the campaign ten times as probable in odds"
        ),
    ]
    return tuple(words)


def make_reproduction(occasion: Occasion, report_id: str) -> Reproduction:
    """Return how to draft and to verify the document again."""
    numbers = occasion.book.numbers.values()
    return Reproduction(
        command=f"stillwatch report --date {occasion.day.isoformat()}",
        verify_command=f"stillwatch report --verify {report_id}",
        number_count=f"{len(occasion.book.numbers):,}",
        query_count=f"{len({number.sql_sha256 for number in numbers}):,}",
    )


def write_due(day: date, days: int) -> str:
    """Return the proposed day of a decision."""
    return write_date(day + timedelta(days=days))


def unknown(text: str | None, word: str = "Unknown") -> str:
    """Return the text, or a word that says it is missing."""
    return text if text else word


def one(text: str) -> Prose:
    """Return prose without figures."""
    return Prose((text,)) if text else Prose(())

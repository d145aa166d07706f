"""Collects the facts of the data quality and methodology annex."""

from __future__ import annotations

from stillwatch.reporting.collect.common import (
    Occasion,
    collect_feeds,
    collect_quality,
    collect_sources,
    make_glossary,
    make_header,
    make_points,
    make_reproduction,
    one,
    unknown,
)
from stillwatch.reporting.facts import (
    Document,
    FindingRow,
    QualityAnnexFacts,
    QualityLight,
    ReasonRow,
    ReceiptRow,
    RuleRow,
    SuiteRow,
    Tile,
)
from stillwatch.reporting.numbers import Row
from stillwatch.reporting.parts import (
    PanelsChart,
    Prose,
    Series,
    TermMeaning,
    counted,
    join_prose,
    prose,
)
from stillwatch.reporting.wording import label_family, plural, write_date, write_shape

MAX_FINDINGS = 60
MAX_SERIES = 6

_METHOD = (
    ("Receive", "Each delivered file is checked for length, hash and compression; each line is "
     "accepted, recognised as a duplicate or set aside with a reason."),
    ("Fingerprint", "Prompts become keyed fingerprints and labels, identifiers become keyed "
     "tokens. Raw text and addresses stay outside the warehouse."),
    ("Compare", "Each account is compared with established accounts of its platform, plan, volume "
     "and age; how unusual it is becomes a weight. Absence of a signal never exonerates."),
    ("Group", "Accounts that share rare values form candidate groups. Client addresses score but "
     "never connect, so shared networks do not make a group."),
    ("Decide", "A group must show coordination and extraction behaviour. The strongest signal of a "
     "family counts, families add up, and the prior is printed."),
    ("Persist", "A campaign keeps its id while members or fingerprints persist; births, splits and "
     "returns are rows of the lineage."),
    ("Judge", "The probability gives the likelihood word. Confidence comes from the number of "
     "independent families, the fields available and the quality gates."),
    ("Release", "Documents are drafts until a person approves them; who, when and why is kept in a "
     "chained record."),
)  # fmt: skip
_NOT_CHECKED = (
    "Whether the delivered logs hold every exchange that took place: Stillwatch sees what was "
    "delivered.",
    "The truth of what account holders declared about themselves.",
    "The contents of prompts and answers by a person; only fingerprints and labels were used.",
    "Error rates on this deployment's own traffic: false-positive rates are measured on labelled "
    "worlds, and are not assessed here.",
    "Conformity of this file with PDF/A-3a and PDF/UA-1 by an outside validator; it is designed to "
    "both.",
)


def collect_annex(occasion: Occasion) -> QualityAnnexFacts:
    """Return the facts of the day's data quality and methodology annex."""
    quality, totals = collect_quality(occasion)
    report_id = f"quality-{occasion.day.isoformat()}"
    receipts = tuple(_make_receipt(row) for row in occasion.book.rows("receipts"))
    findings = occasion.book.rows("findings")
    history = _make_history(occasion)
    reasons = tuple(_make_reason(row) for row in occasion.book.rows("reasons"))
    sources = collect_sources(occasion)
    suites = tuple(_make_suite(row) for row in occasion.book.rows("suites"))
    feeds = collect_feeds(occasion)
    rules = tuple(_make_rule(row) for row in occasion.book.rows("rules"))
    limits = _collect_limits(occasion)
    changes = _collect_changes(occasion)
    return QualityAnnexFacts(
        header=make_header(
            occasion,
            Document.QUALITY_ANNEX,
            report_id,
            _write_title(occasion, quality),
            "What was received, checked and not checked, and how judgements are made",
        ),
        quality=quality,
        tiles=_make_tiles(totals),
        equation=_write_equation(totals),
        receipts=receipts,
        history=history,
        findings=tuple(_make_finding(row) for row in findings[:MAX_FINDINGS]),
        method=tuple(TermMeaning(term, meaning) for term, meaning in _METHOD),
        not_checked=_NOT_CHECKED,
        reasons=reasons,
        sources=sources,
        suites=suites,
        feeds=feeds,
        rules=rules,
        limits=limits,
        changes=changes,
        reproduction=make_reproduction(occasion, report_id),
        glossary=make_glossary(),
    )


def _write_title(occasion: Occasion, quality: QualityLight) -> str:
    words = {
        "calm": "The data of {day} are complete and every check passed",
        "watch": "The data of {day} are usable, with the limits stated here",
        "alarm": "The data of {day} are not reliable: read the reasons first",
    }
    return words[quality.tone].format(day=write_date(occasion.day))


def _make_tiles(totals: Row) -> tuple[Tile, ...]:
    def tile(column: str, label: Prose, change: Prose, is_bad: bool) -> Tile:
        tone = "watch" if is_bad else "calm"
        return Tile(totals.figure(column), "", label, change, tone, write_shape(tone))

    failed = bool(totals.number("warning_count") or totals.number("critical_count"))
    stale = bool(totals.number("old_feed_count") or totals.number("missing_feed_count"))
    return (
        tile(
            "read_count",
            prose("rows read in {} files", totals.figure("file_count")),
            one("every delivery balances")
            if not totals.number("unbalanced_count")
            else prose("{} of them do not balance", totals.figure("unbalanced_count")),
            bool(totals.number("unbalanced_count")),
        ),
        tile(
            "quarantined_count",
            prose("rows set aside, {} of those read", totals.figure("quarantined_ratio")),
            Prose(
                (*counted(totals.figure("refused_file_count"), "file").parts, " refused as a whole")
            ),
            bool(totals.number("quarantined_count") or totals.number("refused_file_count")),
        ),
        tile(
            "expectation_count",
            prose("expectations evaluated in {} suites", totals.figure("suite_count")),
            join_prose(
                [
                    counted(totals.figure("warning_count"), "warning"),
                    counted(totals.figure("critical_count"), "stop"),
                ],
                ", ",
            ),
            failed,
        ),
        tile(
            "feed_count",
            one(plural(totals.number("feed_count"), "threat feed") + " in use"),
            prose(
                "{} in an older version, {} missing",
                totals.figure("old_feed_count"),
                totals.figure("missing_feed_count"),
            ),
            stale,
        ),
    )


def _write_equation(totals: Row) -> Prose:
    return prose(
        "{} read = {} accepted + {} duplicate + {} set aside, summed over {} deliveries of the "
        "day. The equation is checked for every file.",
        *(
            totals.figure(column)
            for column in (
                "read_count",
                "accepted_count",
                "duplicate_count",
                "quarantined_count",
                "delivery_count",
            )
        ),
    )


def _make_receipt(row: Row) -> ReceiptRow:
    tone = "alarm" if row.number("difference_count") else "calm"
    return ReceiptRow(
        source_id=unknown(row.text("source_id")),
        kind=unknown(row.text("kind")),
        state="does not balance" if tone == "alarm" else "balanced",
        tone=tone,
        shape=write_shape(tone),
        file_count=row.figure("file_count"),
        size_bytes=row.figure("size_bytes"),
        read_count=row.figure("read_count"),
        accepted_count=row.figure("accepted_count"),
        duplicate_count=row.figure("duplicate_count"),
        quarantined_count=row.figure("quarantined_count"),
        refused_file_count=row.figure("refused_file_count"),
    )


def _make_reason(row: Row) -> ReasonRow:
    return ReasonRow(
        source_id=unknown(row.text("source_id")),
        kind=unknown(row.text("kind")),
        reason=unknown(row.text("reason")).replace("_", " "),
        row_count=row.figure("row_count"),
    )


def _make_suite(row: Row) -> SuiteRow:
    critical, warning = row.number("critical_count"), row.number("warning_count")
    tone = "alarm" if critical else "watch" if warning else "calm"
    state = {"alarm": "stopped", "watch": "warned", "calm": "passed"}[tone]
    return SuiteRow(
        gate=unknown(row.text("gate")),
        suite=unknown(row.text("suite")),
        state=state,
        tone=tone,
        shape=write_shape(tone),
        expectation_count=row.figure("expectation_count"),
        passed_count=row.figure("passed_count"),
        warning_count=row.figure("warning_count"),
        critical_count=row.figure("critical_count"),
        evaluated_row_count=row.figure("evaluated_row_count"),
    )


def _make_finding(row: Row) -> FindingRow:
    expectation = unknown(row.text("expectation")).removeprefix("expect_").replace("_", " ")
    return FindingRow(
        gate=unknown(row.text("gate")),
        suite=unknown(row.text("suite")),
        expectation=expectation,
        column_name=unknown(row.text("column_name"), "whole table"),
        severity=unknown(row.text("severity")),
        observed=unknown(row.text("observed"), "not recorded"),
        bound=unknown(row.text("bound"), "not recorded"),
        unexpected_count=row.figure("unexpected_count"),
        confidence_effect=unknown(row.text("confidence_effect"), "none stated"),
    )


def _make_rule(row: Row) -> RuleRow:
    return RuleRow(
        signal_code=unknown(row.text("signal_code")),
        signal_version=unknown(row.text("signal_version")),
        family=label_family(unknown(row.text("family"))),
        raised_count=row.figure("raised_count"),
        largest_log10=row.figure("largest_log10"),
    )


def _make_history(occasion: Occasion) -> PanelsChart | None:
    by_source: dict[str, list[Row]] = {}
    for row in occasion.book.rows("accepted_days"):
        by_source.setdefault(unknown(row.text("source_id")), []).append(row)
    panels = tuple(
        Series(source, "usage log", make_points(rows, "delivered_date", "accepted_count"), ())
        for source, rows in list(by_source.items())[:MAX_SERIES]
    )
    if not panels:
        return None
    words = "; ".join(
        f"{panel.label}: {panel.points[-1].figure.text} on {write_date(panel.points[-1].day)}"
        for panel in panels
    )
    last = panels[0].points[-1].figure
    return PanelsChart(
        kind="panels",
        title=prose(f"{{}} rows of {panels[0].label} were accepted on the last day.", last),
        note="Accepted rows per delivery day; each panel has its own scale, from zero.",
        alt=f"Small line charts of accepted rows per day, one for each usage log. {words}.",
        panels=panels,
        has_shared_scale=False,
    )


def _collect_limits(occasion: Occasion) -> tuple[Prose, ...]:
    row = occasion.book.row("population")
    return (
        prose(
            "{} accounts are known, {} were scored on the day and {} of these are in a campaign.",
            row.figure("account_count"),
            row.figure("scored_count"),
            row.figure("flagged_count"),
        ),
        prose(
            "{} accounts are on the allow-list and {} are verified businesses; both speak against "
            "a campaign, and self-declared use counts for nothing.",
            row.figure("allowlisted_count"),
            row.figure("verified_count"),
        ),
        prose(
            "Baselines rest on processed days, {} so far; with few days, honest behaviour looks "
            "rarer than it is.",
            row.figure("processed_day_count"),
        ),
        one(
            "The probability is provisional: it rests on a stated prior and a fixed discount for "
            "dependence, and has not yet been calibrated against decided cases."
        ),
        one(
            "Indicators overlap ordinary enterprise traffic. A VPN, a country, a network or a "
            "client alone is never evidence."
        ),
    )


def _collect_changes(occasion: Occasion) -> tuple[Prose, ...]:
    row = occasion.book.row("day_changes")
    if not row.number("before_count"):
        return (one("This is the first day in the warehouse: there is no day before to compare."),)
    changes = [
        prose("{} accepted rows against the day before.", row.figure("accepted_change_count"))
    ]
    for column, words in (
        ("new_signal_count", "Signal versions that are new: {}."),
        ("new_source_count", "Deliveries from sources that sent nothing the day before: {}."),
    ):
        if row.number(column):
            changes.append(prose(words, row.figure(column)))
    if len(changes) == 1:
        changes.append(one("Sources and signal versions are the same as the day before."))
    return tuple(changes)

"""Collects the facts of one campaign's dossier."""

from __future__ import annotations

from stillwatch.reporting.codenames import codename
from stillwatch.reporting.collect import evidence as collected
from stillwatch.reporting.collect.activity import (
    collect_capabilities,
    collect_capability_chart,
    collect_days,
    collect_timeline,
)
from stillwatch.reporting.collect.brief import NOT_OBSERVABLE, write_event, write_name
from stillwatch.reporting.collect.common import (
    Occasion,
    collect_feeds,
    collect_quality,
    collect_sources,
    make_glossary,
    make_header,
    make_reproduction,
    one,
    read_list,
    unknown,
)
from stillwatch.reporting.collect.network import collect_joins, collect_links, collect_network
from stillwatch.reporting.facts import (
    CampaignDossierFacts,
    Document,
    EvidenceRow,
    FamilyRow,
    MemberRow,
    ResponseRow,
    RoleRow,
    SummaryRow,
    Tile,
)
from stillwatch.reporting.numbers import Figure, Row
from stillwatch.reporting.parts import Prose, TermMeaning, counted, prose
from stillwatch.reporting.wording import (
    join_words,
    label_capability,
    label_family,
    label_platform,
    label_technique,
    plural,
    write_date,
    write_instant,
    write_shape,
)

_ATLAS = {
    "AML.T0005.001": "Train Proxy via Replication",
    "AML.T0008": "Acquire Infrastructure",
    "AML.T0008.005": "AI Service Proxies",
    "AML.T0012": "Valid Accounts",
    "AML.T0021": "Establish Accounts",
    "AML.T0024": "Exfiltration via AI Inference API",
    "AML.T0024.002": "Extract AI Model",
    "AML.T0034": "Cost Harvesting",
    "AML.T0040": "AI Model Inference API Access",
    "AML.T0042": "Verify Attack",
    "AML.T0051": "LLM Prompt Injection",
    "AML.T0054": "LLM Jailbreak",
    "AML.T0056": "Extract LLM System Prompt",
    "AML.T0065": "LLM Prompt Crafting",
}


def collect_dossier(occasion: Occasion, campaign_id: str) -> CampaignDossierFacts:
    """Return the facts of the dossier on one campaign."""
    book = occasion.book
    campaign = book.row("campaign", campaign_id=campaign_id)
    platforms = book.rows("campaign_platforms", campaign_id=campaign_id)
    report_id = f"dossier-{campaign_id}-{occasion.day.isoformat()}"
    name = write_name(campaign_id)
    status = unknown(campaign.text("status"), "suspected")
    network, bundles, bundles_note = collect_network(occasion, campaign_id)
    families = collected.collect_families(occasion, campaign_id)
    waterfall = collected.make_waterfall(occasion, campaign_id)
    days, days_note = collect_days(occasion, campaign_id)
    roles = _collect_roles(occasion, campaign_id)
    members, members_note = _collect_members(occasion, campaign_id, campaign)
    quality, _ = collect_quality(occasion)
    judgement, confidence = _write_judgement(campaign, name)
    bans = book.rows("bans", campaign_id=campaign_id)
    evidence = collected.collect_evidence(occasion, campaign_id)
    return CampaignDossierFacts(
        header=make_header(
            occasion, Document.CAMPAIGN_DOSSIER, report_id,
            _write_title(campaign, status, platforms),
            f"Evidence on the {status} campaign {name}",
        ),
        campaign_id=campaign_id,
        codename=codename(campaign_id),
        status=status,
        severity=unknown(campaign.text("severity"), "not assessed"),
        judgement=judgement,
        confidence=confidence,
        tiles=_make_tiles(campaign),
        summary=_make_summary(campaign, platforms, families, name),
        timeline=collect_timeline(occasion, campaign_id, campaign),
        days=days,
        days_note=days_note,
        capabilities_chart=collect_capability_chart(occasion, campaign_id, campaign),
        capabilities=collect_capabilities(occasion, campaign_id),
        network=network,
        links=collect_links(occasion, campaign_id),
        joins=collect_joins(occasion, campaign_id),
        bundles=bundles,
        bundles_note=bundles_note,
        waterfall=waterfall,
        families=families,
        evidence=tuple(row for row in evidence if _supports(row)),
        counter_evidence=tuple(row for row in evidence if not _supports(row)),
        indicators=collected.collect_indicators(occasion, campaign_id),
        alternatives=collected.collect_alternatives(occasion, campaign_id),
        hypotheses=collected.collect_hypotheses(occasion, campaign_id),
        roles=roles,
        members=members,
        members_note=members_note,
        responses=_make_responses(bans, campaign),
        lineage=_collect_lineage(occasion, campaign_id),
        techniques=_make_techniques(campaign),
        gaps=_make_gaps(campaign, quality.reason, quality.word),
        sources=collect_sources(occasion),
        feeds=collect_feeds(occasion),
        reproduction=make_reproduction(occasion, report_id),
        glossary=make_glossary(),
    )  # fmt: skip


def _supports(row: EvidenceRow) -> bool:
    """Tell whether a piece of evidence carries weight; below 0.05 it moves nothing."""
    return (row.weight_log10.value or 0) >= 0.05


def _write_title(campaign: Row, status: str, platforms: list[Row]) -> str:
    aim = label_capability(campaign.text("main_capability_code"))
    name = codename(campaign.text("campaign_id") or "")
    accounts = campaign.figure("account_count").text
    noun = plural(campaign.number("account_count"), "account")
    where = (
        f" on {len(platforms)} platforms"
        if len(platforms) > 1
        else f" on the {label_platform(unknown(platforms[0].text('platform')))}"
        if platforms
        else ""
    )
    return f"{name}: a {status} effort to extract {aim} with {accounts} {noun}{where}"


def _write_judgement(campaign: Row, name: str) -> tuple[Prose, Prose]:
    term = unknown(campaign.text("likelihood_term"), "not assessed")
    aim = label_capability(campaign.text("main_capability_code"))
    judgement = prose(
        f"We assess that it is {term} that {name} is a coordinated effort to extract our models' "
        f"{aim}. The provisional probability is {{}}, from prior odds of {{}} and evidence up to "
        "{} in log10 units.",
        campaign.figure("campaign_probability"),
        campaign.figure("prior_log10_odds"),
        campaign.figure("posterior_log10_odds"),
    )
    level = unknown(campaign.text("confidence_level"), "not assessed")
    reason = unknown(campaign.text("confidence_reason"), "no reason recorded").rstrip(".")
    return judgement, one(f"Confidence in this judgement is {level}: {reason}.")


def _make_tiles(campaign: Row) -> tuple[Tile, ...]:
    def change(column: str) -> tuple[Prose, str]:
        figure = campaign.figure(column)
        if figure.value is None:
            return one("no figure of a week ago"), "plain"
        tone = "alarm" if figure.value > 0 else "calm" if figure.value < 0 else "plain"
        return prose("{} against a week ago", figure), tone

    account_change, account_tone = change("account_change_count")
    exchange_change, exchange_tone = change("exchange_change_count")
    flag = campaign.figure("flag_days")
    tiles = (
        ("account_count", "", prose("accounts, {} active in the last week",
         campaign.figure("active_account_count")), account_change, account_tone),
        ("exchange_count", "", prose("exchanges, {} of them not answered",
         campaign.figure("attempted_count")), exchange_change, exchange_tone),
        ("extraction_ratio", "", one("of its exchanges carry a shared template or a technique"),
         prose("range {} to {}", campaign.figure("extraction_ratio_low"),
               campaign.figure("extraction_ratio_high")), "plain"),
        ("flag_days", plural(flag.value, "day"), one("from first exchange to first flag"),
         prose("{} exchanges since", campaign.figure("since_flag_count")), "plain"),
    )  # fmt: skip
    return tuple(
        Tile(campaign.figure(column), unit_label, label, movement, tone, write_shape(tone))
        for column, unit_label, label, movement, tone in tiles
    )


def _make_summary(
    campaign: Row, platforms: list[Row], families: tuple[FamilyRow, ...], name: str
) -> tuple[SummaryRow, ...]:
    techniques = [label_technique(code) for code in read_list(campaign.text("technique_codes"))]
    where: list[Figure | str] = []
    template = ""
    for row in platforms:
        template += ("; " if template else "") + label_platform(unknown(row.text("platform")))
        template += ", {} accounts with {} exchanges"
        where += [row.figure("account_count"), row.figure("exchange_count")]
    family_words = join_words(row.family for row in families[:4])
    return (
        SummaryRow("Who", prose(
            f"{name}: {{}} accounts under pseudonyms. Who is behind them is unknown unless a "
            "hypothesis below says otherwise.", campaign.figure("account_count"))),
        SummaryRow("What", prose(
            f"Suspected extraction of {label_capability(campaign.text('main_capability_code'))}: "
            "{} exchanges and {} tokens; {} of its exchanges carry a template that its accounts "
            "share, or an extraction technique.", campaign.figure("exchange_count"),
            campaign.figure("total_tokens"), campaign.figure("extraction_ratio"))),
        SummaryRow("When", one(
            f"First exchange {write_instant(campaign.get('first_seen_at'))}; last exchange "
            f"{write_instant(campaign.get('last_seen_at'))}; first flagged on "
            f"{write_date(campaign.get('first_flagged_date'))}.")),
        SummaryRow("Where", prose(template + ".", *where) if template else one("Unknown")),
        SummaryRow("Why suspicious", prose(
            "{} independent families of evidence speak for coordination and extraction: "
            f"{family_words or 'none recorded'}.", campaign.figure("independent_family_count"))),
        SummaryRow("How", one(
            (f"Techniques seen in the texts: {join_words(techniques)}." if techniques
             else "Techniques: not assessed, because no text features speak.")
            + " The kinds of shared values are listed in the section on the network.")),
    )  # fmt: skip


def _collect_roles(occasion: Occasion, campaign_id: str) -> tuple[RoleRow, ...]:
    return tuple(
        RoleRow(
            role=unknown(row.text("role")),
            account_count=row.figure("account_count"),
            banned_count=row.figure("banned_count"),
            exchange_count=row.figure("exchange_count"),
        )
        for row in occasion.book.rows("roles", campaign_id=campaign_id)
    )


def _collect_members(
    occasion: Occasion, campaign_id: str, campaign: Row
) -> tuple[tuple[MemberRow, ...], Prose]:
    members = tuple(
        MemberRow(
            account_key=unknown(row.text("account_key")),
            platform=label_platform(unknown(row.text("platform"))),
            role=unknown(row.text("role")),
            first_seen_label=_write_day(row, "first_seen_date"),
            last_seen_label=_write_day(row, "last_seen_date"),
            exchange_count=row.figure("exchange_count"),
            membership_probability=row.figure("membership_probability"),
            banned_label=_write_day(row, "banned_date", "no"),
        )
        for row in occasion.book.rows("members", campaign_id=campaign_id)
    )
    note = prose(
        f"The first {len(members)} of {{}} accounts, core first, then the busiest. The full list "
        "is attached to this file as accounts.csv.",
        campaign.figure("account_count"),
    )
    return members, note


def _write_day(row: Row, column: str, missing: str = "Unknown") -> str:
    day = row.get(column)
    return day.isoformat() if day else missing


def _make_responses(bans: list[Row], campaign: Row) -> tuple[ResponseRow, ...]:
    rows = [
        ResponseRow(
            write_date(row.get("ban_date")),
            Prose(
                (*counted(row.figure("account_count"), "account").parts, " banned by the platform.")
            ),
        )
        for row in bans[-12:]
    ]
    if not rows:
        rows.append(ResponseRow("No date", one("No account of this campaign is banned.")))
    status = unknown(campaign.text("status"), "suspected")
    words = {
        "suspected": "Status: suspected. No person has decided on it.",
        "confirmed": "Status: confirmed by a recorded decision.",
    }
    return (*rows, ResponseRow("Now", one(words.get(status, f"Status: {status}."))))


def _collect_lineage(occasion: Occasion, campaign_id: str) -> tuple[ResponseRow, ...]:
    rows = []
    for row in occasion.book.rows("lineage", campaign_id=campaign_id):
        related = row.text("related")
        has_related = related not in (None, "none")
        values = {**row.values, "related_campaign_id": related if has_related else None}
        sentence = write_event(Row(row.figures, values))
        overlap = row.figure("overlap")
        event = (
            prose(sentence + " Members in common: {}.", overlap)
            if overlap.value is not None and has_related
            else one(sentence)
        )
        rows.append(ResponseRow(write_date(row.get("as_of_date")), event))
    return tuple(rows) or (ResponseRow("Unknown", one("No lineage event is recorded.")),)


def _make_techniques(campaign: Row) -> tuple[TermMeaning, ...]:
    release = unknown(campaign.text("atlas_release"), "release unknown")
    return tuple(
        TermMeaning(code, f"{_ATLAS.get(code, 'name not in our table')} (MITRE ATLAS {release})")
        for code in read_list(campaign.text("atlas_ids"))
    )


def _make_gaps(campaign: Row, quality_reason: Prose, quality_word: str) -> tuple[Prose, ...]:
    missing = [label_family(code) for code in read_list(campaign.text("unavailable_families"))]
    first = (
        one(
            f"Not available for this campaign: {join_words(missing)}. These families count zero "
            "and lower the confidence; their absence says nothing for or against."
        )
        if missing
        else one("Every evidence family could be observed.")
    )
    return (
        first,
        Prose((f"The data of the day are {quality_word}: ", *quality_reason.parts, ".")),
        one(NOT_OBSERVABLE),
        one(
            "The contents of prompts and answers were not read by a person for this document; no "
            "excerpts are shown."
        ),
        one("Harm, cost and the use made of the answers are not assessed."),
    )

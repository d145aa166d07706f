"""What each document is allowed to know: one frozen facts object, documented field by field.

A template receives one of these and nothing else. Every figure in it is a `Figure`, which names
the stored SQL it came from. docs/reports.md lists the fields.
"""

# ruff: noqa: RUF009 - said() makes a dataclass field with its help text

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stillwatch.reporting.numbers import Figure
from stillwatch.reporting.parts import (
    Bar,
    Edge,
    Header,
    Marker,
    NetworkChart,
    Node,
    PanelsChart,
    Point,
    Prose,
    Reproduction,
    Series,
    TermMeaning,
    Tile,
    TimelineChart,
    WaterfallChart,
    from_json,
    prose,
    said,
    to_json,
)


class Document(StrEnum):
    """The documents that are drafted for a day; the value names the template's folder."""

    LEADERSHIP_BRIEF = "leadership_brief"
    CAMPAIGN_DOSSIER = "campaign_dossier"
    QUALITY_ANNEX = "quality_annex"


@dataclass(frozen=True)
class CampaignCard:
    """One campaign in the brief's table."""

    campaign_id: str = said("Id of the campaign, the same for ever")
    codename: str = said("Speakable name derived from the id")
    status: str = said("suspected or confirmed")
    capability: str = said("Capability that the suspected extraction aims at most")
    account_count: Figure = said("Accounts in the campaign")
    exchange_count: Figure = said("Exchanges in the period")
    exchange_change_count: Figure = said("Change of exchanges against the seven days before")
    likelihood_term: str = said("ICD 203 term")
    tone: str = said("Colour of the mark beside the term")
    shape: str = said("Shape of the mark beside the term")
    confidence_level: str = said("low, moderate or high")
    confidence_reason: str = said("Why the confidence is not higher")


@dataclass(frozen=True)
class DecisionAsked:
    """A decision that the readers are asked for."""

    title: str = said("What to decide, as an order")
    reason: Prose = said("Why now")
    owner: str = said("Proposed owner")
    due_label: str = said("Proposed day")


@dataclass(frozen=True)
class QualityLight:
    """The traffic light of data quality with its reason."""

    tone: str = said("alarm, watch or calm")
    shape: str = said("Shape that goes with the tone")
    word: str = said("The light as a word")
    reason: Prose = said("Why the light shows this")


@dataclass(frozen=True)
class CoverageRow:
    """What was looked at on one platform in the period."""

    platform: str = said("Platform")
    account_count: Figure = said("Accounts with activity")
    exchange_count: Figure = said("Exchanges")
    flagged_account_count: Figure = said("Accounts in a suspected campaign")


@dataclass(frozen=True)
class LeadershipBriefFacts:
    """One or two pages for leadership: scale, movement, confidence, decisions asked."""

    header: Header = said("Marking, state, period, snapshot")
    judgement: Prose = said(
        "Likelihood sentence on the most urgent campaign, or that none is known"
    )
    confidence: Prose = said("Confidence in a sentence of its own")
    tiles: tuple[Tile, ...] = said("Four figures with comparator and denominator")
    activity: PanelsChart | None = said("Daily exchanges of up to four campaigns")
    campaigns: tuple[CampaignCard, ...] = said("Active campaigns, most urgent first, at most five")
    campaigns_note: Prose | None = said("What the table leaves out")
    movements: tuple[Prose, ...] = said("What was born, grew, split or rested in the period")
    coverage: tuple[CoverageRow, ...] = said("What was looked at, by platform")
    decisions: tuple[DecisionAsked, ...] = said("Decisions asked, at most four")
    quality: QualityLight = said("Data quality with its reason")
    mind_changers: tuple[str, ...] = said("Evidence that would change the judgement")
    not_observable: str = said("What this method cannot see")


@dataclass(frozen=True)
class SummaryRow:
    """One of the questions who, what, when, where, why, how."""

    question: str = said("The question")
    answer: Prose = said("The answer, or that it is unknown")


@dataclass(frozen=True)
class DayRow:
    """One day of the timeline as a table row."""

    day_label: str = said("UTC day")
    account_count: Figure = said("Accounts active on the day")
    exchange_count: Figure = said("Exchanges")
    attempted_count: Figure = said("Attempts, refused ones included")
    extraction_exchange_count: Figure = said("Exchanges with a template of the campaign")
    total_tokens: Figure = said("Tokens")


@dataclass(frozen=True)
class CapabilityRow:
    """How much of the campaign aims at one capability."""

    capability: str = said("Capability")
    exchange_count: Figure = said("Exchanges")
    extraction_exchange_count: Figure = said("Exchanges with a template of the campaign")
    extraction_share_ratio: Figure = said("Share of all exchanges with a template of the campaign")


@dataclass(frozen=True)
class LinkRow:
    """One kind of value that accounts of the campaign share."""

    link: str = said("Kind of value")
    group_count: Figure = said("Different shared values")
    account_count: Figure = said("Accounts of the campaign that share one")
    largest_group_count: Figure = said("Accounts behind the most shared value")
    base_ratio: Figure = said(
        "Established accounts elsewhere that carry the most common such value"
    )
    weight_log10: Figure = said("Mean weight of a link, log10 likelihood ratio")
    examples: str = said("Examples of the shared values, as far as the marts carry them")


@dataclass(frozen=True)
class JoinRow:
    """Two parts of the campaign without a text in common, each named by its first account."""

    part: str = said("First account of the one part")
    other_part: str = said("First account of the other part")
    account_counts: Prose = said("Accounts of the two")
    neighbour_counts: Prose = said("Accounts of the two that mostly come from common exits")
    shared_exit_count: Figure = said("Addresses that both use and no established account does")
    shared_registration_count: Figure = said("Ways to register that both have")


@dataclass(frozen=True)
class BundleRow:
    """Accounts with an identical set of shared groups: the drawing's twin in words."""

    label: str = said("Label in the drawing")
    account_count: Figure = said("Accounts in the bundle")
    shares: str = said("What they share")


@dataclass(frozen=True)
class FamilyRow:
    """One evidence family with its weight."""

    family: str = said("Evidence family")
    evidence_count: Figure = said("Pieces of evidence")
    weight_log10: Figure = said("Sum of their log10 likelihood ratios")


@dataclass(frozen=True)
class EvidenceRow:
    """One piece of evidence."""

    evidence_id: str = said("Id of the row in fct_campaign_evidence")
    signal_code: str = said("Signal and version")
    family: str = said("Evidence family")
    statement: str = said("Plain sentence with numbers")
    observed_value: Figure = said("Observed value")
    baseline_value: Figure = said("The same in the comparison population")
    base_population_count: Figure = said("Size of the comparison population")
    weight_log10: Figure = said("log10 likelihood ratio")
    measured: Prose = said("Observed and baseline values and the population, as a sentence")
    benign_explanation: str = said("How honest use could look the same")
    data_fields: str = said("Input fields used")


@dataclass(frozen=True)
class IndicatorRow:
    """One indicator of the joint advisory, whether the campaign shows it, and who else does."""

    number: str = said("Number in the advisory, or further")
    indicator: str = said("Indicator in words")
    result: str = said("seen, not seen or not observable")
    tone: str = said("Colour of the mark")
    shape: str = said("Shape of the mark")
    members: Prose = said("Members that show it, of those in which it can be observed")
    established: Prose = said("Measured base rate among established accounts outside campaigns")
    lookalikes: Prose = said("Measured base rate among cleared look-alikes")
    basis: str = said("Signals, techniques and shared values that the result rests on")
    benign_cause: str = said("Honest use that looks the same")


@dataclass(frozen=True)
class AlternativeRow:
    """An alternative explanation and what speaks for or against it."""

    explanation: str = said("The alternative")
    test: Prose = said("What was tested or counted")
    result: str = said("How it came out")


@dataclass(frozen=True)
class RoleRow:
    """Members of one role."""

    role: str = said("core, member or camouflage")
    account_count: Figure = said("Accounts")
    banned_count: Figure = said("Of them banned")
    exchange_count: Figure = said("Exchanges of these accounts")


@dataclass(frozen=True)
class MemberRow:
    """One account by its pseudonymous key."""

    account_key: str = said("Pseudonymous key of the account")
    platform: str = said("Platform")
    role: str = said("core, member or camouflage")
    first_seen_label: str = said("First day seen")
    last_seen_label: str = said("Last day seen")
    exchange_count: Figure = said("Exchanges since first seen")
    membership_probability: Figure = said("Probability of membership")
    banned_label: str = said("Day of the ban, or no")


@dataclass(frozen=True)
class ResponseRow:
    """One dated act or event."""

    day_label: str = said("Day")
    event: Prose = said("What happened")


@dataclass(frozen=True)
class HypothesisRow:
    """An attribution hypothesis with evidence for and against."""

    organization_id: str = said("Organisation named in the registry, or Unknown")
    likelihood_term: str = said("ICD 203 term")
    confidence_level: str = said("low, moderate or high")
    evidence_for: str = said("What speaks for it")
    evidence_against: str = said("What speaks against it")
    source_grades: str = said("Admiralty grades of the sources")


@dataclass(frozen=True)
class SourceRow:
    """One source of log or registry data, summed over the delivered days."""

    source_id: str = said("Source")
    kind: str = said("usage or accounts")
    day_count: Figure = said("Days delivered")
    read_count: Figure = said("Rows read")
    accepted_count: Figure = said("Rows accepted")
    duplicate_count: Figure = said("Duplicates")
    quarantined_count: Figure = said("Rows set aside")


@dataclass(frozen=True)
class FeedRow:
    """One threat feed in use."""

    feed_id: str = said("Feed")
    state: str = said("current, last good or missing")
    tone: str = said("Colour of the mark")
    shape: str = said("Shape of the mark")
    version: str = said("Version in use")
    age_days: Figure = said("Age at the end of the day")
    entry_count: Figure = said("Entries in the version")
    used_count: Figure = said("Entries used")
    refused_count: Figure = said("Entries refused")
    marking: str = said("TLP marking of the feed")
    licence: str = said("Licence and permitted use")
    source_reliability: str = said("Admiralty letter of the source")


@dataclass(frozen=True)
class CampaignDossierFacts:
    """One campaign in full: judgement, activity, links, evidence, alternatives, response, gaps."""

    header: Header = said("Marking, state, period, snapshot")
    campaign_id: str = said("Id of the campaign")
    codename: str = said("Speakable name derived from the id")
    status: str = said("suspected or confirmed")
    severity: str = said("Severity")
    judgement: Prose = said("Likelihood sentence")
    confidence: Prose = said("Confidence in a sentence of its own")
    tiles: tuple[Tile, ...] = said("Size, share and speed")
    summary: tuple[SummaryRow, ...] = said("Who, what, when, where, why, how")
    timeline: TimelineChart | None = said("Daily exchanges by platform")
    days: tuple[DayRow, ...] = said("The last days as a table")
    days_note: Prose = said("What the table of days leaves out")
    capabilities_chart: PanelsChart | None = said("Daily exchanges by capability")
    capabilities: tuple[CapabilityRow, ...] = said("Capabilities as a table")
    network: NetworkChart | None = said("Accounts and what they share")
    links: tuple[LinkRow, ...] = said("Shared attributes with counts and base rates")
    joins: tuple[JoinRow, ...] = said("Pairs of parts that only exits and registration join")
    bundles: tuple[BundleRow, ...] = said("Largest bundles of accounts")
    bundles_note: Prose = said("What the table of bundles leaves out")
    waterfall: WaterfallChart | None = said("From prior to posterior odds")
    families: tuple[FamilyRow, ...] = said("Evidence families, the waterfall as a table")
    evidence: tuple[EvidenceRow, ...] = said("Evidence that supports the finding, heaviest first")
    counter_evidence: tuple[EvidenceRow, ...] = said("What was measured and does not support it")
    indicators: tuple[IndicatorRow, ...] = said(
        "Advisory indicators: seen, not seen, not observable"
    )
    alternatives: tuple[AlternativeRow, ...] = said("Alternative explanations")
    hypotheses: tuple[HypothesisRow, ...] = said("Attribution hypotheses")
    roles: tuple[RoleRow, ...] = said("Members by role")
    members: tuple[MemberRow, ...] = said("First fifty members")
    members_note: Prose = said("Where the full list is")
    responses: tuple[ResponseRow, ...] = said("Bans and decisions by day")
    lineage: tuple[ResponseRow, ...] = said("How the campaign came about and changed")
    techniques: tuple[TermMeaning, ...] = said("ATLAS ids with the release they are pinned to")
    gaps: tuple[Prose, ...] = said("Known gaps and unavailable evidence")
    sources: tuple[SourceRow, ...] = said("Data sources")
    feeds: tuple[FeedRow, ...] = said("Threat feeds in use")
    reproduction: Reproduction = said("How to make the same document again")
    glossary: tuple[TermMeaning, ...] = said("Words of likelihood and confidence")


@dataclass(frozen=True)
class ReceiptRow:
    """One source and kind on the day: read = accepted + duplicate + quarantined."""

    source_id: str = said("Source")
    kind: str = said("usage or accounts")
    state: str = said("balanced, or that the sum does not hold")
    tone: str = said("Colour of the mark")
    shape: str = said("Shape of the mark")
    file_count: Figure = said("Files delivered")
    size_bytes: Figure = said("Bytes delivered")
    read_count: Figure = said("Rows read")
    accepted_count: Figure = said("Rows accepted")
    duplicate_count: Figure = said("Duplicates")
    quarantined_count: Figure = said("Rows set aside")
    refused_file_count: Figure = said("Files refused as a whole")


@dataclass(frozen=True)
class ReasonRow:
    """One reason for setting rows aside."""

    source_id: str = said("Source")
    kind: str = said("usage or accounts")
    reason: str = said("Reason code")
    row_count: Figure = said("Rows on the day")


@dataclass(frozen=True)
class SuiteRow:
    """One expectation suite on the day."""

    gate: str = said("raw or marts")
    suite: str = said("Suite")
    state: str = said("passed, or what failed")
    tone: str = said("Colour of the mark")
    shape: str = said("Shape of the mark")
    expectation_count: Figure = said("Expectations evaluated")
    passed_count: Figure = said("Passed")
    warning_count: Figure = said("Failed warnings")
    critical_count: Figure = said("Failed stops")
    evaluated_row_count: Figure = said("Rows under the largest expectation")


@dataclass(frozen=True)
class FindingRow:
    """One expectation that failed."""

    gate: str = said("raw or marts")
    suite: str = said("Suite")
    expectation: str = said("What was expected")
    column_name: str = said("Column")
    severity: str = said("critical or warning")
    observed: str = said("Observed")
    bound: str = said("Bound")
    unexpected_count: Figure = said("Rows that broke it")
    confidence_effect: str = said("What it does to the confidence of judgements")


@dataclass(frozen=True)
class RuleRow:
    """One detection rule in force."""

    signal_code: str = said("Signal")
    signal_version: str = said("Version")
    family: str = said("Evidence family")
    raised_count: Figure = said("Accounts with evidence above zero")
    largest_log10: Figure = said("Largest weight given, log10 likelihood ratio")


@dataclass(frozen=True)
class QualityAnnexFacts:
    """What was received, what was checked, which rules were in force, what was not checked."""

    header: Header = said("Marking, state, period, snapshot")
    quality: QualityLight = said("The light of the day with its reason")
    tiles: tuple[Tile, ...] = said("Rows, set aside, expectations, feeds")
    equation: Prose = said("Read = accepted + duplicate + quarantined, with the day's numbers")
    receipts: tuple[ReceiptRow, ...] = said("Each source on the day")
    history: PanelsChart | None = said("Accepted rows by day and source")
    reasons: tuple[ReasonRow, ...] = said("Why rows were set aside on the day")
    sources: tuple[SourceRow, ...] = said("Each source over all delivered days")
    suites: tuple[SuiteRow, ...] = said("Expectation suites on the day")
    findings: tuple[FindingRow, ...] = said("Expectations that failed")
    feeds: tuple[FeedRow, ...] = said("Threat feeds in use")
    rules: tuple[RuleRow, ...] = said("Detection rules in force")
    method: tuple[TermMeaning, ...] = said("How a judgement is made, step by step")
    limits: tuple[Prose, ...] = said("Known limits")
    changes: tuple[Prose, ...] = said("What changed since the day before")
    not_checked: tuple[str, ...] = said("What was not checked")
    reproduction: Reproduction = said("How to make the same document again")
    glossary: tuple[TermMeaning, ...] = said("Words of likelihood and confidence")


Facts = LeadershipBriefFacts | CampaignDossierFacts | QualityAnnexFacts

FACTS_CLASSES: dict[Document, type[LeadershipBriefFacts | CampaignDossierFacts | QualityAnnexFacts]]
FACTS_CLASSES = {
    Document.LEADERSHIP_BRIEF: LeadershipBriefFacts,
    Document.CAMPAIGN_DOSSIER: CampaignDossierFacts,
    Document.QUALITY_ANNEX: QualityAnnexFacts,
}

__all__ = [
    "FACTS_CLASSES",
    "Bar",
    "CampaignDossierFacts",
    "Document",
    "Edge",
    "Facts",
    "Figure",
    "Header",
    "LeadershipBriefFacts",
    "Marker",
    "NetworkChart",
    "Node",
    "PanelsChart",
    "Point",
    "Prose",
    "QualityAnnexFacts",
    "Series",
    "Tile",
    "TimelineChart",
    "WaterfallChart",
    "from_json",
    "prose",
    "to_json",
]

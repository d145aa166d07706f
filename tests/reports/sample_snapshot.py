"""A small published snapshot with fictional parties, for rendering without the pipeline."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

DAY = date(2026, 11, 12)
FIRST_DAY = DAY - timedelta(days=29)
PLATFORMS = ("native", "aws_bedrock")
CAMPAIGNS = ("SW-0041", "SW-0047", "SW-0052")

DDL = """
create schema marts;
create table marts.dim_accounts (account_key varchar, platform varchar, account_id varchar, organization_id varchar, created_at timestamptz, status varchar, closed_at timestamptz, banned_at timestamptz, signup_path varchar, payment_type varchar, billing_country varchar, email_domain varchar, plan varchar, kyc_level varchar, is_verified boolean, is_allowlisted boolean, allowlist_reason varchar, first_seen_at timestamptz, last_seen_at timestamptz);
create table marts.fct_account_days (account_key varchar, activity_date date, exchange_count bigint, ok_count bigint, refused_count bigint, rate_limited_count bigint, blocked_count bigint, error_count bigint, input_tokens bigint, output_tokens bigint, reasoning_tokens bigint, active_hour_count int, distinct_ip_count int, distinct_user_agent_count int, top_template_ratio double);
create table marts.fct_account_signals (account_key varchar, as_of_date date, signal_code varchar, signal_version int, family varchar, observed_value double, baseline_value double, base_population bigint, tail_probability double, log10_likelihood_ratio decimal(9,4));
create table marts.fct_account_scores (account_key varchar, as_of_date date, suspicion_probability double, own_log10_odds double, cluster_log10_odds double, campaign_id varchar);
create table marts.fct_account_links (as_of_date date, account_key varchar, linked_key varchar, link_type varchar, log10_likelihood_ratio double, evidence varchar );
create table marts.bridge_cluster_accounts (as_of_date date, cluster_id varchar, account_key varchar, membership_probability double);
create table marts.dim_campaigns (campaign_id varchar, status varchar, first_seen_at timestamptz, last_seen_at timestamptz, first_flagged_date date, as_of_date date, account_count bigint, active_account_count bigint, exchange_count bigint, attempted_count bigint, total_tokens bigint, campaign_probability double, prior_log10_odds double, posterior_log10_odds double, likelihood_term varchar, confidence_level varchar, confidence_reason varchar, severity varchar, main_capability_code varchar, capability_mix varchar , technique_codes varchar /* JSON list of our technique codes */, atlas_ids varchar /* JSON list */, atlas_release varchar, platforms varchar /* JSON list */, extraction_ratio double, extraction_ratio_low double, extraction_ratio_high double, independent_family_count int, unavailable_families varchar /* JSON list */, parent_campaign_ids varchar /* JSON list */);
create table marts.fct_campaign_days (campaign_id varchar, as_of_date date, status varchar, first_seen_at timestamptz, last_seen_at timestamptz, first_flagged_date date, account_count bigint, active_account_count bigint, new_account_count bigint, lost_account_count bigint, exchange_count bigint, attempted_count bigint, total_tokens bigint, day_exchange_count bigint, day_attempted_count bigint, day_account_count bigint, campaign_probability double, prior_log10_odds double, posterior_log10_odds double, likelihood_term varchar, confidence_level varchar, confidence_reason varchar, severity varchar, extraction_ratio double, extraction_ratio_low double, extraction_ratio_high double, independent_family_count int, exchanges_since_first_flag bigint);
create table marts.fct_campaign_activity_days (campaign_id varchar, activity_date date, platform varchar, capability_code varchar, exchange_count bigint, attempted_count bigint, extraction_exchange_count bigint, total_tokens bigint);
create table marts.bridge_campaign_accounts (campaign_id varchar, account_key varchar, first_seen_at timestamptz, last_seen_at timestamptz, first_flagged_date date, membership_probability double, role varchar, is_banned boolean);
create table marts.fct_campaign_evidence (campaign_id varchar, as_of_date date, evidence_id varchar, signal_code varchar, signal_version int, family varchar, statement varchar, observed_value double, baseline_value double, base_population bigint, measured_count bigint, shown_count bigint, median_percentile double, log10_likelihood_ratio double, benign_explanation varchar, data_fields_used varchar );
create table marts.fct_campaign_coverage (campaign_id varchar, as_of_date date, indicator_code varchar, place int, advisory_number int, title varchar, result varchar, measured_count bigint, shown_count bigint, shown_ratio double, established_count bigint, established_ratio double, lookalike_count bigint, lookalike_ratio double, statement varchar, benign_cause varchar, signal_codes varchar, technique_codes varchar, link_types varchar, data_fields varchar);
create table marts.fct_campaign_joins (campaign_id varchar, as_of_date date, account_key varchar, other_account_key varchar, account_count bigint, other_account_count bigint, shared_exit_count bigint, neighbour_count bigint, other_neighbour_count bigint, shared_registration_count bigint);
create table marts.fct_campaign_comparisons (campaign_id varchar, as_of_date date, family varchar, evidence_side varchar, log10_likelihood_ratio double, cleared_log10_likelihood_ratio double, group_id varchar, group_label varchar, account_count bigint, cleared_group_id varchar, cleared_group_label varchar, cleared_account_count bigint, is_same_size boolean, cleared_because varchar, comparable_group_count bigint, comparable_tail_probability double);
create table marts.fct_campaign_lineage (event_at timestamptz, as_of_date date, event varchar, campaign_id varchar, related_campaign_id varchar, overlap double);
create table marts.fct_campaign_hypotheses (campaign_id varchar, organization_id varchar, as_of_date date, likelihood_term varchar, confidence_level varchar, evidence_for varchar, evidence_against varchar, source_grades varchar);
create table marts.dim_indicators (indicator_key varchar, feed_id varchar, indicator_type varchar, value varchar, labels varchar , confidence smallint, valid_from timestamptz, valid_until timestamptz, source_reliability varchar, information_credibility varchar, marking varchar, permitted_use varchar, licence varchar, first_seen_at timestamptz, last_seen_at timestamptz, is_expired boolean);
create table marts.fct_indicator_matches (account_key varchar, activity_date date, matched_date date, indicator_key varchar, feed_id varchar, label varchar, match_kind varchar, exchange_count bigint);
create table marts.fct_screening (entity_id varchar, as_of_date date, listed boolean, list varchar, owned_percent_by_listed double, rule varchar, result varchar);
create table marts.fct_reports (report_id varchar, version int, kind varchar, audience varchar, document varchar, subject_id varchar, period_from date, period_until date, marking varchar, state varchar, sha256 varchar, snapshot_id varchar, approved_by varchar, approved_at timestamptz, comment varchar, released_at timestamptz, supersedes varchar);
create table marts.rpt_data_quality (run_date date, gate varchar, suite varchar, expectation varchar, column_name varchar, result varchar , severity varchar /* critical warning */, observed varchar, bound varchar, evaluated_row_count bigint, unexpected_count bigint, confidence_effect varchar);
create table marts.rpt_ingestion (source_id varchar, kind varchar , delivered_date date, file_count bigint, byte_count bigint, read_count bigint, accepted_count bigint, duplicate_count bigint, quarantined_count bigint, quarantined_by_reason varchar /* JSON {reason_code: n} */, duplicate_file_count bigint, refused_file_count bigint);
create table marts.rpt_feeds (feed_id varchar, as_of_date date, version varchar, pulled_at timestamptz, age_days double, entry_count bigint, used_count bigint, refused_count bigint, refused_by_reason varchar , state varchar /* current last_good missing */, marking varchar, licence varchar, permitted_use varchar, source_reliability varchar);
create table marts.dim_model_releases (model varchar, platform varchar, released_at timestamptz, announced_at timestamptz, is_public boolean);
create table marts.snapshot_info (snapshot_id varchar, as_of_date date, fingerprint varchar);
"""


def write_snapshot(
    path: Path,
    campaigns: Iterable[str] = CAMPAIGNS,
    hostile: str | None = None,
    member_scale: float = 1.0,
    has_faults: bool = True,
) -> str:
    """Write a snapshot to `path` and return its id; `hostile` stands in every free-text field."""
    maker = _Maker(random.Random(7), tuple(campaigns), hostile, member_scale, has_faults)
    maker.fill()
    snapshot_id = f"{DAY.isoformat()}-{maker.digest()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(DDL)
        for table, rows in maker.tables.items():
            if rows:
                columns = {f"c{n}": list(cells) for n, cells in enumerate(zip(*rows, strict=True))}
                connection.register("sample_rows", pa.table(columns))
                connection.execute(f"insert into marts.{table} select * from sample_rows")
                connection.unregister("sample_rows")
        connection.execute(
            "insert into marts.snapshot_info values (?, ?, ?)",
            [snapshot_id, DAY, maker.digest() * 4],
        )
    return snapshot_id


def write_home(home: Path, **options: Any) -> str:
    """Write a STILLWATCH_HOME with one published snapshot and return the snapshot's id."""
    first = home / "published" / "current.duckdb"
    snapshot_id = write_snapshot(first, **options)
    kept = home / "published" / "snapshots" / f"{snapshot_id}.duckdb"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(first.read_bytes())
    return snapshot_id


def _at(day: date, hour: int = 8) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=UTC)


_PLANS: dict[str, dict[str, Any]] = {
    "SW-0041": {
        "accounts": 220, "start": 3, "probability": 0.91, "term": "very likely",
        "confidence": "moderate", "severity": "critical", "capability": "agentic_tool_use",
        "reason": "four independent families agree, but one platform delivered no client addresses",
        "mix": {"agentic_tool_use": 0.62, "coding": 0.24, "data_analysis": 0.09, "general": 0.05},
        "techniques": ["reasoning_elicitation", "trace_cleaning"], "platforms": PLATFORMS,
        "rate": 34, "ban_day": 20, "unavailable": ["network", "replay"], "ratio": 0.58,
        "families": [("equal_share", 2.1), ("shared_attributes", 1.4), ("reasoning", 1.2),
                     ("tenure", 0.6), ("network", -0.15)],
    },
    "SW-0047": {
        "accounts": 64, "start": 12, "probability": 0.985, "term": "almost certain",
        "confidence": "high", "severity": "high", "capability": "grading",
        "reason": "five independent families agree and every field was delivered",
        "mix": {"grading": 0.93, "general": 0.07}, "techniques": ["rubric_grading"],
        "platforms": ("native",), "rate": 120, "ban_day": None, "unavailable": [], "ratio": 0.94,
        "families": [("grader", 2.6), ("content", 1.9), ("equal_share", 1.5), ("timing", 0.8),
                     ("focus", 0.5)],
    },
    "SW-0052": {
        "accounts": 90, "start": 5, "probability": 0.71, "term": "likely",
        "confidence": "low", "severity": "medium", "capability": "reasoning",
        "reason": "only timing and sign-up evidence, at most six exchanges a day per account",
        "mix": {"reasoning": 0.8, "general": 0.2}, "techniques": ["reasoning_elicitation"],
        "platforms": ("native",), "rate": 5, "ban_day": None, "unavailable": ["network"],
        "ratio": 0.77,
        "families": [("shared_attributes", 1.7), ("reasoning", 0.9), ("tenure", 0.4)],
    },
}  # fmt: skip
_SIGNALS = {
    "equal_share": ("coordination__equal_share", "Scheduled jobs of one customer spread evenly over "
                    "its keys.", ["event_at"]),
    "shared_attributes": ("coordination__shared_attributes", "One company, school or reseller "
                          "registers its people alike.", ["payment_instrument", "email", "ja4"]),
    "reasoning": ("reasoning__elicitation", "Teaching, interpretability research and debugging ask "
                  "how an answer came about.", ["prompt"]),
    "tenure": ("tenure__straight_to_maximum", "Migrations and hackathons start at full speed.",
               ["created_at", "event_at"]),
    "network": ("network__hidden_exits", "Corporate egress and privacy tools use the same ranges.",
                ["client_ip"]),
    "grader": ("grader__rubric_prompts", "Evaluation companies and product teams grade answers.",
               ["prompt"]),
    "content": ("content__technique_in_shared_text", "A popular public prompt can hold such a "
                "phrase.", ["prompt"]),
    "timing": ("timing__round_the_clock", "Batch jobs and evaluation suites run at night too.",
               ["event_at"]),
    "focus": ("focus__one_capability", "A product has one purpose.", ["prompt"]),
}  # fmt: skip
# code, number, title, share of members, share of established accounts, benign cause, what shows it
_INDICATORS = (
    ("round_the_clock", 1, "Use round the clock without a human rhythm", 0.8, 0.04,
     "Nightly evaluations run at all hours.", '["timing__round_the_clock"]', "[]", "[]"),
    ("hidden_routing", 5, "Routing through aggregators or clouds that hides its origin", None, None,
     "Corporate egress uses the same ranges.", '["network__hidden_exits"]', "[]", "[]"),
    ("failover", 8, "Failover between pathways when blocked", None, None,
     "A careful customer fails over between providers.", "[]", "[]", "[]"),
    ("quality_probes", 10, "Quality checks that look for countermeasures", 0.0, 0.02,
     "Drift monitors ask the same control questions.", "[]", '["quality_probe"]', "[]"),
    ("similar_payment", None, "Similar payment methods", 0.9, 0.01,
     "A corporate card.", "[]", "[]", '["payment_instrument"]'),
)  # fmt: skip
_LINKS = (
    ("prefix_fp_16", "first 16 words of the prompt after masking", 0.9, 3, 0.0002),
    ("payment_bin_and_email_grammar", "card number range with the pattern of the e-mail address",
     0.7, 6, 0.0011),
    ("signup_burst", "sign-up day, path and network", 0.5, 8, 0.0006),
    ("client", "client fingerprint", 0.35, 4, 0.004),
)  # fmt: skip


class _Maker:
    def __init__(
        self,
        dice: random.Random,
        campaigns: tuple[str, ...],
        hostile: str | None,
        scale: float,
        has_faults: bool,
    ) -> None:
        self.dice = dice
        self.campaigns = campaigns
        self.hostile = hostile
        self.scale = scale
        self.has_faults = has_faults
        self.tables: dict[str, list[tuple[Any, ...]]] = {}

    def add(self, table: str, *cells: Any) -> None:
        self.tables.setdefault(table, []).append(cells)

    def text(self, ordinary: str) -> str:
        return self.hostile if self.hostile is not None else ordinary

    def digest(self) -> str:
        return sha256(repr(sorted(self.tables.items())).encode("utf-8", "replace")).hexdigest()[:8]

    def key(self, *parts: object) -> str:
        return sha256("|".join(map(str, parts)).encode()).hexdigest()[:20]

    def fill(self) -> None:
        self._fill_benign()
        for campaign_id in self.campaigns:
            self._fill_campaign(campaign_id, _PLANS[campaign_id])
        self._fill_ledgers()

    def _account(
        self, key: str, platform: str, created: date, banned: date | None, path: str
    ) -> None:
        is_allowlisted = self.dice.random() < 0.01
        self.add(
            "dim_accounts", key, platform, self.text(f"acct_{key[:6]}"), None, _at(created),
            "banned" if banned else "active", None, _at(banned, 9) if banned else None, path,
            "card", "SG", self.text("example.com"), "pro", "none", self.dice.random() < 0.05,
            is_allowlisted, "partner" if is_allowlisted else None, _at(created), _at(DAY),
        )  # fmt: skip

    def _account_day(self, key: str, day: date, count: int) -> None:
        self.add(
            "fct_account_days", key, day, count, count - count // 20, count // 40,
            count // 20 - count // 40, 0, 0, count * 420, count * 910, count * 300,
            min(24, count), 2, 1, 0.4,
        )  # fmt: skip

    def _fill_benign(self) -> None:
        for n in range(400):
            platform = PLATFORMS[n % 5 == 0]
            key = self.key("benign", n)
            self._account(key, platform, FIRST_DAY - timedelta(days=n), None, "console")
            for offset in range(30):
                if self.dice.random() < 0.4:
                    day = FIRST_DAY + timedelta(days=offset)
                    self._account_day(key, day, self.dice.randint(1, 60))
            self.add("fct_account_scores", key, DAY, 0.01, -2.5, 0.0, None)
            for family, (code, _, _) in _SIGNALS.items():
                self.add("fct_account_signals", key, DAY, code, 1, family, 0.1, 0.1, 400, 0.5, -0.3)

    def _fill_campaign(self, campaign_id: str, plan: dict[str, Any]) -> None:
        count = round(plan["accounts"] * self.scale)
        start = FIRST_DAY + timedelta(days=plan["start"])
        ban_day = FIRST_DAY + timedelta(days=plan["ban_day"]) if plan["ban_day"] else None
        by_day: dict[tuple[date, str, str], list[int]] = {}
        accounts = []
        for n in range(count):
            platform = plan["platforms"][n % 3 == 0 and len(plan["platforms"]) > 1]
            key = self.key(campaign_id, n)
            is_first_pool = ban_day is not None and n < 0.55 * count
            first = start + timedelta(days=n % 4)
            if ban_day is not None and not is_first_pool:
                first = ban_day + timedelta(days=n % 3)
            last = ban_day if is_first_pool and ban_day else DAY
            self._account(
                key, platform, first, last if is_first_pool else None,
                "startup" if n % 3 else "edu_grant",
            )  # fmt: skip
            role = "core" if n < count * 0.6 else "member" if n < count * 0.9 else "camouflage"
            accounts.append((key, n))
            self.add(
                "bridge_campaign_accounts", campaign_id, key, _at(first, 1), _at(last, 23),
                start + timedelta(days=4), 0.97 - 0.3 * (n / count), role, is_first_pool,
            )  # fmt: skip
            self.add("fct_account_scores", key, DAY, plan["probability"], 0.6, 2.0, campaign_id)
            for family, (code, _, _) in _SIGNALS.items():
                weight = dict(plan["families"]).get(family)
                if family not in plan["unavailable"]:
                    self.add(
                        "fct_account_signals", key, DAY, code, 1, family, 0.7, 0.1, 400, 0.02,
                        0.6 if weight and weight > 0 and n % 4 else -0.3,
                    )  # fmt: skip
            day = first
            while day <= last:
                volume = max(1, round(plan["rate"] * self.dice.uniform(0.75, 1.25)))
                self._account_day(key, day, volume)
                for capability, share in plan["mix"].items():
                    cell = by_day.setdefault((day, platform, capability), [0, 0, 0, 0])
                    part = round(volume * share)
                    cell[0] += part
                    cell[1] += part // 25
                    cell[2] += round(part * plan["ratio"]) if capability != "general" else 0
                    cell[3] += part * 1330
                day += timedelta(days=1)
            self._fill_links(campaign_id, key, n)
        for (day, platform, capability), cell in sorted(by_day.items()):
            self.add("fct_campaign_activity_days", campaign_id, day, platform, capability, *cell)
        self._fill_dimension(campaign_id, plan, start, count, by_day)

    def _fill_links(self, campaign_id: str, key: str, n: int) -> None:
        for link_type, label, share, groups, base in _LINKS:
            if (n * 37 + len(link_type)) % 100 < share * 100:
                group = n * 7 // 11 % groups
                evidence = {"shared": self.text(label), "holders": 30, "established_ratio": base,
                            "exchanges_with_it": 120}  # fmt: skip
                self.add(
                    "fct_account_links", DAY, key, self.key(campaign_id, link_type, group)[:12],
                    link_type, 1.2 + base, json.dumps(evidence),
                )  # fmt: skip

    def _fill_dimension(
        self,
        campaign_id: str,
        plan: dict[str, Any],
        start: date,
        count: int,
        by_day: dict[Any, Any],
    ) -> None:
        exchanges = sum(cell[0] for cell in by_day.values())
        attempted = sum(cell[1] for cell in by_day.values())
        tokens = sum(cell[3] for cell in by_day.values())
        weight = sum(value for _, value in plan["families"])
        flagged = start + timedelta(days=4)
        ratio = plan["ratio"]
        posterior = -3.2 + weight - 0.1
        self.add(
            "dim_campaigns", campaign_id, "suspected", _at(start, 1), _at(DAY, 23), flagged, DAY,
            count, round(count * 0.8), exchanges, attempted, tokens, plan["probability"], -3.2,
            posterior, plan["term"], plan["confidence"], self.text(plan["reason"]),
            plan["severity"], plan["capability"], json.dumps(plan["mix"]),
            json.dumps(plan["techniques"]), json.dumps(["AML.T0024.002", "AML.T0008.005", "AML.T0065"]),
            "5.6.0", json.dumps(list(plan["platforms"])), ratio, ratio - 0.08, ratio + 0.05,
            sum(1 for _, value in plan["families"] if value > 0.5),
            json.dumps(plan["unavailable"]), "[]",
        )  # fmt: skip
        for age in (7, 1, 0):
            day = DAY - timedelta(days=age)
            part = 1 - age / 20
            until = sum(cell[0] for (when, _, _), cell in by_day.items() if when <= day)
            self.add(
                "fct_campaign_days", campaign_id, day, "suspected", _at(start, 1), _at(day, 23),
                flagged, round(count * part),
                round(count * part * 0.8), 12, 3, until, until // 25, until * 1330, 900, 30, 40,
                plan["probability"], -3.2, posterior, plan["term"], plan["confidence"],
                self.text(plan["reason"]), plan["severity"], ratio, ratio - 0.08, ratio + 0.05, 4, until // 2,
            )  # fmt: skip
        for family, value in plan["families"]:
            code, benign, fields = _SIGNALS[family]
            statement = (
                f"{round(count * 0.8)} of {count} member accounts (80 %) show {family.replace('_', ' ')} "
                "more than 95 % of comparable established accounts; 5 % of 400 would be expected to."
            )
            self.add(
                "fct_campaign_evidence", campaign_id, DAY, self.key(campaign_id, family)[:16], code,
                1, family, self.text(statement), 0.8, 0.05, 400, count,
                round(count * 0.8), 0.97, value, self.text(benign),
                json.dumps(fields),
            )  # fmt: skip
        self._fill_coverage(campaign_id, count)
        self.add("fct_campaign_lineage", _at(flagged, 23), flagged, "born", campaign_id, None, None)
        if plan["ban_day"]:
            back = FIRST_DAY + timedelta(days=plan["ban_day"] + 4)
            self.add(
                "fct_campaign_lineage", _at(back, 23), back, "resurrected", campaign_id, None, 0.2
            )
            self.add(
                "fct_campaign_hypotheses", campaign_id, self.text("org_fictional_harbour"), DAY,
                "roughly even chance", "low", self.text("12 accounts carry its registered name"),
                self.text("the name is free to choose at sign-up"), "E4",
            )  # fmt: skip

    def _fill_coverage(self, campaign_id: str, count: int) -> None:
        for family, weight, cleared in (("reasoning", 0.9, -0.075), ("replay", None, 0.0)):
            self.add(
                "fct_campaign_comparisons", campaign_id, DAY, family, "behaviour", weight, cleared,
                "0123456789abcdef", self.text("first 16 words"), count, "fedcba9876543210",
                self.text("last 12 words"), 12, False,
                "its accounts do not behave like extraction", 312, 0.0032,
            )  # fmt: skip
        first, second = sorted(self.key(campaign_id, n) for n in (0, 1))
        self.add(
            "fct_campaign_joins",
            campaign_id,
            DAY,
            first,
            second,
            count - 9,
            9,
            31,
            count - 12,
            8,
            2,
        )
        for place, row in enumerate(_INDICATORS, start=1):
            code, number, title, share, base, benign, signals, techniques, links = row
            shown = round(count * share) if share is not None else 0
            self.add(
                "fct_campaign_coverage", campaign_id, DAY, code, place, number, self.text(title),
                "not observable" if share is None else "seen" if share > 0.2 else "not seen",
                count if share is not None else 0, shown, share,
                400 if base is not None else 0, base, 0, None, self.text(f"{shown} of {count}."),
                self.text(benign), signals, techniques, links, '["prompt"]',
            )  # fmt: skip

    def _fill_ledgers(self) -> None:
        for offset in range(30):
            day = FIRST_DAY + timedelta(days=offset)
            for source, rows in (("native_usage", 9000), ("bedrock_usage", 2100)):
                read = rows + self.dice.randint(-900, 900)
                bad = self.dice.randint(0, 6) if self.has_faults else 0
                reasons = json.dumps(
                    {"bad_json": bad - bad // 2, "late_event": bad // 2} if bad else {}
                )
                self.add(
                    "rpt_ingestion", source, "usage", day, 4, read * 800, read, read - bad - 3, 3, bad,
                    reasons, 0, 0,
                )  # fmt: skip
            self.add(
                "rpt_ingestion",
                "native_usage",
                "accounts",
                day,
                1,
                90000,
                760,
                760,
                0,
                0,
                "{}",
                0,
                0,
            )
        failed = {("raw", 3)} if self.has_faults else set()
        for gate, suite, count in (
            ("raw", "exchanges", 9),
            ("raw", "accounts", 6),
            ("marts", "dim_campaigns", 7),
        ):
            for n in range(count):
                is_failed = (gate, n) in failed and suite == "exchanges"
                self.add(
                    "rpt_data_quality", DAY, gate, suite, f"expect_column_values_to_be_in_range_{n}",
                    "client_ip", "failed" if is_failed else "passed",
                    "warning" if is_failed else "critical", self.text("0.81"), "at least 0.95", 11102,
                    2109 if is_failed else 0,
                    "Families that need client addresses are not available." if is_failed else None,
                )  # fmt: skip
        states = ("current", "last_good") if self.has_faults else ("current", "current")
        for n, state in enumerate(states):
            self.add(
                "rpt_feeds", ("proxy_exits", "disposable_mail")[n], DAY, "2026-11-11T060000Z",
                _at(DAY - timedelta(days=1 + 5 * n), 6), 1.75 + 5 * n, 5120, 5101, 19,
                '{"reserved": 19}', state, "TLP:CLEAR", self.text("CC0-1.0"), "internal and external",
                "B",
            )  # fmt: skip
        for model, offset in (("aurora-3", 9), ("aurora-3-mini", 9), ("borealis-2", 24)):
            at = _at(FIRST_DAY + timedelta(days=offset), 17)
            self.add("dim_model_releases", self.text(model) + str(offset) if self.hostile else model,
                     "native", at, at, True)  # fmt: skip

"""The reference tables: their columns, which of them a row must fill, and their Parquet schemas."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

_TEXT = pa.string()
_INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class ReferenceTable:
    """One reference table. A column is mandatory if its field is not nullable."""

    name: str
    schema: pa.Schema
    choices: dict[str, tuple[str, ...]]  # closed sets, by column
    key: tuple[str, ...]  # two rows of one key are a duplicate or a contradiction

    @property
    def file_name(self) -> str:
        """The CSV file below `landing/reference/`."""
        return f"{self.name}.csv"


def _field(name: str, kind: pa.DataType = _TEXT, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable)


MODEL_RELEASES = ReferenceTable(
    "model_releases",
    pa.schema(
        [
            _field("model"),
            _field("platform", nullable=True),  # null: all platforms
            _field("released_at", _INSTANT),
            _field("announced_at", _INSTANT, nullable=True),
            _field("is_public", pa.bool_()),
        ]
    ),
    choices={},
    key=("model", "platform", "released_at"),
)

ALLOWLIST = ReferenceTable(
    "allowlist",
    pa.schema(
        [
            _field("scope"),
            _field("value"),
            _field("reason"),
            _field("owner"),
            _field("approved_by"),
            _field("valid_from", _INSTANT),
            _field("valid_until", _INSTANT),  # exclusive; no exemption without an end
        ]
    ),
    choices={"scope": ("account", "organization", "template")},
    key=("scope", "value", "valid_from", "valid_until"),
)

OWNERSHIP = ReferenceTable(
    "ownership",
    pa.schema(
        [
            _field("owner_id"),
            _field("owned_id"),
            _field("share_percent", pa.float64(), nullable=True),
            _field("valid_from", _INSTANT, nullable=True),
            _field("valid_until", _INSTANT, nullable=True),
            _field("source"),
        ]
    ),
    choices={},
    key=("owner_id", "owned_id", "valid_from", "source"),
)

ENTITIES = ReferenceTable(
    "entities",
    pa.schema(
        [
            _field("entity_id"),
            _field("name"),
            _field("aliases", pa.list_(pa.string())),
            _field("country", nullable=True),  # ISO 3166-1 alpha-2
        ]
    ),
    choices={},
    key=("entity_id",),
)

POLICY_FACTS = ReferenceTable(
    "policy_facts",
    pa.schema(
        [
            _field("instrument"),
            _field("fact"),
            _field("status"),
            _field("effective_from", _INSTANT),
            _field("effective_until", _INSTANT, nullable=True),
            _field("source"),
            _field("applies_to", pa.list_(pa.string())),  # list codes; none: by the issuer
        ]
    ),
    choices={},
    key=("instrument", "fact", "effective_from"),
)

DECISIONS = ReferenceTable(
    "decisions",
    pa.schema(
        [
            _field("subject_type"),
            _field("subject_id"),
            _field("decision"),
            _field("actor"),
            _field("decided_at", _INSTANT),
            _field("reason"),
            _field("expires_at", _INSTANT, nullable=True),
        ]
    ),
    choices={"decision": ("confirm", "dismiss", "split", "merge", "escalate", "act")},
    key=("subject_type", "subject_id", "decision", "actor", "decided_at"),
)

TABLES: tuple[ReferenceTable, ...] = (
    MODEL_RELEASES,
    ALLOWLIST,
    OWNERSHIP,
    ENTITIES,
    POLICY_FACTS,
    DECISIONS,
)

# What the screening of a day writes, from these tables and the screening lists (screening.py).
SCREENING_LISTINGS = pa.schema(
    [
        _field("entity_id"),
        _field("list_code"),
        _field("basis"),  # fact | match | decision
        _field("explanation"),
    ]
)
SCREENING_MATCHES = pa.schema(
    [
        _field("entity_id"),
        _field("party_key"),
        _field("match_id"),  # <entity_id>|<party_key>: what a decision names
        _field("list_code"),
        _field("list_name"),
        _field("listed_party"),  # its main name
        _field("asked_name"),  # the name or alias of the entity that agreed
        _field("listed_name"),  # the name or alias of the party that agreed
        _field("listed_name_kind"),  # name | alias | weak alias
        _field("grade"),  # exact | near
        _field("score", pa.float64()),
        _field("country_agreement"),  # agree | differ | unknown
        _field("outcome"),  # listed | possible | confirmed | dismissed
        _field("explanation"),
        _field("feed_id"),
        _field("version"),
        _field("source_url", nullable=True),
    ]
)
SCREENING_RULES = pa.schema(
    [
        _field("instrument"),
        _field("rule_status"),
        _field("applies_to", pa.list_(pa.string())),
        _field("source"),
    ]
)
SCREENING_HOLDINGS = pa.schema(
    [
        _field("entity_id"),
        _field("instrument"),
        _field("rule_status"),
        _field("owned_percent", pa.float64()),  # unknown shares count as 0
        _field("owned_percent_upper", pa.float64()),  # unknown shares count as all that is left
        _field("multiplied_percent", pa.float64()),
        _field("is_owned", pa.bool_()),
        _field("may_be_owned", pa.bool_()),
        _field("explanation"),
    ]
)
SCREENING: dict[str, pa.Schema] = {
    "screening_listings": SCREENING_LISTINGS,
    "screening_matches": SCREENING_MATCHES,
    "screening_rules": SCREENING_RULES,
    "screening_holdings": SCREENING_HOLDINGS,
}

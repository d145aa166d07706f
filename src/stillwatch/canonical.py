"""The canonical tables that every source and feed is brought into: their Parquet schemas.

These are the only inputs of the dbt project (besides the ledger). Raw text never gets here: only
keyed fingerprints, counts and codes. Client addresses stay, because feeds are matched by range;
they never reach the marts.
"""

from __future__ import annotations

import pyarrow as pa

_STRING_LIST = pa.list_(pa.string())
_FINGERPRINT_LIST = pa.list_(pa.int64())
_INSTANT = pa.timestamp("us", tz="UTC")

MINHASH_BANDS = 16

EXCHANGES = pa.schema(
    [
        # ids
        pa.field("exchange_key", pa.string(), nullable=False),  # token of source and exchange_id
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("platform", pa.string(), nullable=False),
        pa.field("exchange_id", pa.string(), nullable=False),
        pa.field("account_key", pa.string(), nullable=False),  # token of platform and account_id
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("organization_id", pa.string()),
        pa.field("workspace_id", pa.string()),
        pa.field("api_key_token", pa.string()),
        pa.field("session_token", pa.string()),
        # times
        pa.field("event_at", _INSTANT, nullable=False),
        pa.field("event_date", pa.date32(), nullable=False),
        pa.field("event_hour", pa.int8(), nullable=False),  # 0-23, UTC
        pa.field("delivered_date", pa.date32(), nullable=False),
        # what was asked
        pa.field("model", pa.string(), nullable=False),
        pa.field("endpoint", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("input_tokens", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("cached_input_tokens", pa.int64()),
        pa.field("reasoning_tokens", pa.int64()),
        pa.field("max_tokens", pa.int64()),
        pa.field("temperature", pa.float64()),
        pa.field("top_p", pa.float64()),
        pa.field("sample_count", pa.int32()),  # `n` as sent
        pa.field("seed", pa.int64()),
        pa.field("is_stream", pa.bool_()),
        pa.field("tool_count", pa.int32()),
        pa.field("image_count", pa.int32()),
        pa.field("message_count", pa.int32()),
        pa.field("latency_ms", pa.int64()),
        # client
        pa.field("client_ip", pa.string()),  # canonical text form
        pa.field("ip_hex", pa.string()),  # 32 hexadecimal digits; IPv4 mapped into ::ffff:0:0/96
        pa.field("ip_token", pa.string()),
        pa.field("ip_net_token", pa.string()),  # token of the /24 or /48
        pa.field("client_country", pa.string()),
        pa.field("user_agent_family", pa.string()),
        pa.field("user_agent_token", pa.string()),
        pa.field("ja4", pa.string()),
        pa.field("client_token", pa.string()),  # token of user agent family, JA4 and header order
        pa.field("end_user_token", pa.string()),
        # text features (null where the source carries no text)
        pa.field("has_text", pa.bool_(), nullable=False),
        pa.field("prompt_char_count", pa.int32()),
        pa.field("prompt_word_count", pa.int32()),
        pa.field("prompt_fp", pa.int64()),  # whole masked prompt
        pa.field("prefix_fp_8", pa.int64()),
        pa.field("prefix_fp_16", pa.int64()),
        pa.field("prefix_fp_32", pa.int64()),
        pa.field("suffix_fp_6", pa.int64()),
        pa.field("suffix_fp_12", pa.int64()),
        pa.field("system_fp", pa.int64()),
        pa.field("minhash_bands", _FINGERPRINT_LIST),  # MINHASH_BANDS values, or null if too short
        pa.field("technique_codes", _STRING_LIST),  # sorted, distinct; see text/techniques
        pa.field("capability_code", pa.string()),
        pa.field("language_code", pa.string()),
        # reasoning artefacts
        pa.field("artifacts_issued", _STRING_LIST),  # tokens
        pa.field("artifacts_submitted", _STRING_LIST),  # tokens
    ]
)

STATUSES = ("ok", "refused", "rate_limited", "blocked", "error")

ACCOUNTS = pa.schema(
    [
        pa.field("account_key", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("platform", pa.string(), nullable=False),
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("created_at", _INSTANT, nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("closed_at", _INSTANT),
        pa.field("banned_at", _INSTANT),
        pa.field("ban_reason", pa.string()),
        pa.field("organization_id", pa.string()),
        pa.field("email_token", pa.string()),
        pa.field("email_domain", pa.string()),
        pa.field("email_grammar", pa.string()),  # local part as runs of letters and digits
        pa.field("phone_token", pa.string()),
        pa.field("phone_country", pa.string()),
        pa.field("payment_token", pa.string()),
        pa.field("payment_bin", pa.string()),
        pa.field("payment_type", pa.string()),
        pa.field("billing_country", pa.string()),
        pa.field("signup_ip", pa.string()),
        pa.field("signup_ip_hex", pa.string()),
        pa.field("signup_ip_net_token", pa.string()),
        pa.field("signup_user_agent_family", pa.string()),
        pa.field("signup_ja4", pa.string()),
        pa.field("signup_country", pa.string()),
        pa.field("signup_path", pa.string()),
        pa.field("plan", pa.string()),
        pa.field("seat_count", pa.int32()),
        pa.field("kyc_level", pa.string()),
        pa.field("declared_use", pa.string()),
    ]
)

ACCOUNT_STATUSES = ("active", "banned", "closed", "suspended")

QUARANTINE = pa.schema(
    [
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # usage | accounts
        pa.field("delivered_date", pa.date32(), nullable=False),
        pa.field("file_name", pa.string(), nullable=False),  # relative to the landing root
        pa.field("file_sha256", pa.string(), nullable=False),
        pa.field("line_number", pa.int64()),  # 1-based; null if the whole file was refused
        pa.field("byte_offset", pa.int64()),  # in the decompressed file
        pa.field("reason_code", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),  # names the field; never raw text
    ]
)

INDICATORS = pa.schema(
    [
        pa.field("indicator_key", pa.string(), nullable=False),  # token of feed, type, value
        pa.field("feed_id", pa.string(), nullable=False),
        pa.field("indicator_type", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("match_value", pa.string()),  # as it stands in canonical data (token, ASN, domain)
        pa.field("labels", _STRING_LIST, nullable=False),
        pa.field("confidence", pa.int16(), nullable=False),  # 0-100
        pa.field("valid_from", _INSTANT, nullable=False),
        pa.field("valid_until", _INSTANT, nullable=False),
        pa.field("source_reliability", pa.string(), nullable=False),  # Admiralty A-F
        pa.field("information_credibility", pa.string(), nullable=False),  # Admiralty 1-6
        pa.field("marking", pa.string(), nullable=False),  # TLP 2.0
        pa.field("permitted_use", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),  # the pull it comes from
        pa.field("known_at", _INSTANT, nullable=False),  # when that pull landed
        pa.field("first_seen_at", _INSTANT, nullable=False),
        pa.field("last_seen_at", _INSTANT, nullable=False),
    ]
)

# Address ranges of one feed version, disjoint: where entries overlap, the most specific one wins.
RANGES = pa.schema(
    [
        pa.field("feed_id", pa.string(), nullable=False),
        pa.field("range_kind", pa.string(), nullable=False),  # indicator | asn | country
        pa.field("start_hex", pa.string(), nullable=False),  # 32 hexadecimal digits, inclusive
        pa.field("end_hex", pa.string(), nullable=False),  # inclusive
        pa.field("indicator_key", pa.string()),  # for kind indicator
        pa.field("label", pa.string(), nullable=False),  # label | AS number | country code
    ]
)

# One row per party on a screening list (feed kind `csl`), as the list states it. An address is kept
# only as its country.
LISTED_PARTIES = pa.schema(
    [
        pa.field("party_key", pa.string(), nullable=False),  # <list_code>:<entry_id>
        pa.field("feed_id", pa.string(), nullable=False),
        pa.field("list_code", pa.string(), nullable=False),  # SDN, EL, MEU, ...
        pa.field("list_name", pa.string(), nullable=False),  # as the list calls itself
        pa.field("entry_id", pa.string(), nullable=False),  # of the list, or a digest of the entry
        pa.field("party_type", pa.string(), nullable=False),  # PARTY_TYPES
        pa.field("name", pa.string(), nullable=False),
        pa.field("aliases", _STRING_LIST, nullable=False),
        pa.field("weak_aliases", _STRING_LIST, nullable=False),  # abbreviations, nicknames
        pa.field("country", pa.string()),  # ISO 3166-1 alpha-2, if the list names just one
        pa.field("address_countries", _STRING_LIST, nullable=False),  # likewise, sorted
        pa.field("programmes", _STRING_LIST, nullable=False),
        pa.field("federal_register_notice", pa.string()),
        pa.field("start_date", pa.date32()),
        pa.field("end_date", pa.date32()),  # the last day, as the list states it
        pa.field("valid_from", _INSTANT),  # from start_date; null: since ever
        pa.field("valid_until", _INSTANT),  # exclusive, from end_date; null: until taken off
        pa.field("source_url", pa.string()),
        pa.field("marking", pa.string(), nullable=False),
        pa.field("permitted_use", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),  # the pull it comes from
        pa.field("known_at", _INSTANT, nullable=False),
    ]
)

PARTY_TYPES = ("entity", "individual", "vessel", "aircraft", "unknown")

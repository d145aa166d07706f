"""Landed files of one source: is a file whole, and what is its identity?"""

from __future__ import annotations

from stillwatch.landing.decoding import (
    SUFFIXES,
    Fingerprint,
    RefusedFile,
    check_file,
    hash_stored,
)
from stillwatch.landing.parquet import check_parquet
from stillwatch.landing.storage import LandedFile, Landing

# Without these columns no row of a Parquet file could be used: the file is refused as a whole.
# In JSON lines a field is missing from a line, and the line is quarantined.
_MANDATORY = {
    ("usage", "native"): ("exchange_id", "event_at", "account_id", "model", "status"),
    ("accounts", None): ("account_id", "created_at", "status"),
}


def list_mandatory(kind: str, format_id: str) -> tuple[str, ...]:
    """Return the columns that a Parquet file of a kind and format must have."""
    return _MANDATORY.get((kind, format_id if kind == "usage" else None), ())


def check_landed(
    landing: Landing, file: LandedFile, mandatory: tuple[str, ...]
) -> Fingerprint | RefusedFile:
    """Return the identity of a file after reading it to its end, or why it is refused."""
    if not file.name.endswith(SUFFIXES):
        return RefusedFile("unknown_suffix", f"the name ends in none of {', '.join(SUFFIXES)}")
    try:
        if file.name.endswith(".parquet"):
            return check_parquet(landing, file, mandatory)
        return check_file(landing, file)
    except RefusedFile as refusal:
        return refusal


def identify(landing: Landing, file: LandedFile) -> str:
    """Return the hash that the ledger keeps of a file, whether it is whole or refused."""
    outcome = check_landed(landing, file, ())
    return hash_stored(landing, file) if isinstance(outcome, RefusedFile) else outcome.sha256

"""The reference page of the log formats, made from what the adapters say of themselves."""

from __future__ import annotations

from stillwatch.canonical import EXCHANGES
from stillwatch.sources.adapter import Adapter
from stillwatch.sources.formats import ADAPTERS

# Reasons for which a record is set aside that come of its form rather than of one field.
_REASONS = {
    "not_an_exchange": "a record that is no call of a model: an audit entry, a span of a tool or "
    "of HTTP, a management call, a line without any record",
    "incomplete_exchange": "messages whose record with the model did not come within the window",
    "conflict": "two records of one exchange contradict each other",
    "not_object": "what stands where a record belongs is no JSON object",
}


def write_formats_page(marker: str) -> str:
    """Return `formats.md`: each format with its account, its columns and its blind spots."""
    parts = [
        "# Log formats\n",
        marker,
        "A source of a known format is one entry in `sources.yml` and nothing else. Without an "
        "entry the format is recognised from the first records. Every format fills the same "
        "[canonical columns](canonical.md); what it does not carry stays null and is named as a "
        "blind spot.\n",
        "| format | what it is | exchange id | account |",
        "|---|---|---|---|",
        *(_write_row(format_id, adapter) for format_id, adapter in ADAPTERS.items()),
        "",
        "## Lines, records and exchanges\n",
        'A line may hold several records (`{"records": [...]}` of Azure Monitor, an OTLP '
        "export). Each is accepted or quarantined by itself, and the detail in quarantine says "
        "which record of the line it was. An exchange that comes in several records (API "
        "Management's pieces, a span and its log records) counts once, at the place of its first "
        "record, if they lie in one file and no further apart than 10,000 records. So for every "
        "file: exchanges read = accepted + duplicate + quarantined.\n",
        "| reason in quarantine | when |",
        "|---|---|",
        *(f"| `{reason}` | {meaning} |" for reason, meaning in _REASONS.items()),
        "",
        "Names that a format does not define are counted, those one level down as `part.name`.\n",
        "## Columns\n",
        "● the format can carry it; · it cannot, so the column is null for such a source.\n",
        *_write_columns(),
        "## Blind spots\n",
    ]
    for format_id, adapter in ADAPTERS.items():
        missing = [f"`{name}`" for name in EXCHANGES.names if name not in adapter.columns]
        parts += [f"### `{format_id}`\n", *(f"- {spot}" for spot in adapter.info.blind_spots)]
        if missing:
            parts.append(f"- Never filled: {', '.join(missing)}.")
        parts.append("")
    return "\n".join(parts)


def _write_row(format_id: str, adapter: Adapter) -> str:
    info = adapter.info
    return f"| `{format_id}` | {info.title} | {info.exchange_id} | {info.account} |"


def _write_columns() -> list[str]:
    """Return the table of columns by formats; columns that all formats fill are one row."""
    everywhere = frozenset.intersection(*(adapter.columns for adapter in ADAPTERS.values()))
    lines = [
        "| column | " + " | ".join(f"`{format_id}`" for format_id in ADAPTERS) + " |",
        "|---|" + "---|" * len(ADAPTERS),
    ]
    for name in EXCHANGES.names:
        if name not in everywhere:
            marks = ("●" if name in adapter.columns else "·" for adapter in ADAPTERS.values())
            lines.append(f"| `{name}` | {' | '.join(marks)} |")
    common = ", ".join(f"`{name}`" for name in EXCHANGES.names if name in everywhere)
    return [*lines, "", f"Every format can fill: {common}.\n"]

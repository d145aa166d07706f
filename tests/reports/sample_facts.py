"""The sample facts beside each template: how they are made and how hostile twins are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sample_snapshot import DAY, write_home

from stillwatch.reporting.documents import collect_day
from stillwatch.reporting.facts import FACTS_CLASSES, Document, Facts, from_json
from stillwatch.reporting.fonts import get_template_root
from stillwatch.reporting.parts import to_json
from stillwatch.settings import Settings

# Values that steer the layout or tie parts together: never free text of a log.
STRUCTURE = frozenset(
    [
        "document", "state", "marking", "paper", "tone", "kind", "key", "unit", "source", "target",
        "node_id", "report_id",
    ]
)  # fmt: skip


def collect_samples(folder: Path) -> dict[Document, Any]:
    """Return the three sample facts as JSON, from the small snapshot."""
    write_home(folder, campaigns=("SW-0052",), member_scale=0.3)
    samples = {}
    for draft in collect_day(Settings(home=folder), DAY):
        value = to_json(draft.facts)
        value["header"]["template_digest"] = "sample"
        samples[Document(value["header"]["document"])] = value
    return samples


def get_sample_path(document: Document) -> Path:
    """Return where a document's sample lies."""
    return get_template_root() / document.value / "sample_facts.json"


def read_sample(document: Document) -> Any:
    """Return a document's sample as JSON."""
    return json.loads(get_sample_path(document).read_text(encoding="utf-8"))


def make_facts(document: Document, value: Any) -> Facts:
    """Return the facts object of a sample."""
    return from_json(FACTS_CLASSES[document], value)


def shorten_lists(value: Any, name: str = "") -> Any:
    """Return the sample with at most two rows in each table, for quick rendering."""
    if isinstance(value, dict):
        return {key: shorten_lists(item, key) for key, item in value.items()}
    if isinstance(value, list):
        is_chart = name in ("points", "nodes", "edges", "parts", "tiles")
        kept = value if is_chart else value[:2]
        return [shorten_lists(item, name) for item in kept]
    return value


def replace_texts(value: Any, change: Callable[[str], str], name: str = "") -> Any:
    """Return the sample with every free text changed."""
    if isinstance(value, dict):
        return {key: replace_texts(item, change, key) for key, item in value.items()}
    if isinstance(value, list):
        return [replace_texts(item, change, name) for item in value]
    is_date = name in ("day", "period_from", "period_until", "as_of_date")
    if not isinstance(value, str) or name in STRUCTURE or is_date:
        return value
    return change(value)

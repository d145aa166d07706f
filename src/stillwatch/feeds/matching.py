"""The form in which an indicator's value stands in the canonical data, where that is keyed."""

from __future__ import annotations

from stillwatch.feeds.parsed import Indicator
from stillwatch.keyed import Keyer
from stillwatch.text.templates import fingerprint_template


def make_match_value(keyer: Keyer, item: Indicator) -> str | None:
    """Return what the canonical columns hold if they hold the indicator; None if nothing can.

    User agents and artefacts are tokens there, templates are fingerprints. Addresses match by
    range and have no match value.
    """
    match item.type:
        case "user_agent":
            return keyer.token("ua", item.value)
        case "artifact_digest":
            return keyer.token("artifact", item.value)
        case "template_fingerprint":
            return _match_template(keyer, item.value)
        case _:
            return item.match_value


def _match_template(keyer: Keyer, value: str) -> str | None:
    """Return the fingerprint of a template, given as a number or as its wording."""
    if value.removeprefix("-").isdigit():
        return value
    fingerprint = fingerprint_template(keyer, value)
    return None if fingerprint is None else str(fingerprint)

"""The form in which an indicator's value stands in the canonical data, where that is keyed."""

from __future__ import annotations

from stillwatch.feeds.parsed import Indicator
from stillwatch.keyed import Keyer
from stillwatch.text.fingerprints import PREFIX_DEPTHS
from stillwatch.text.normal import clip, split_masked_words


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
            return _fingerprint_template(keyer, item.value)
        case _:
            return item.match_value


def _fingerprint_template(keyer: Keyer, value: str) -> str | None:
    """Return the fingerprint of a template: a number as it is, a text at its deepest prefix.

    A text of fewer words than the shallowest prefix says too little: it matches nothing.
    """
    if value.removeprefix("-").isdigit():
        return value
    words = split_masked_words(clip(value))
    depths = [depth for depth in PREFIX_DEPTHS if depth <= len(words)]
    if not depths:
        return None
    depth = max(depths)
    return str(keyer.fingerprint(f"prefix{depth}", " ".join(words[:depth])))

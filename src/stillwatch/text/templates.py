"""The fingerprint by which the exchanges made from a template are recognised."""

from __future__ import annotations

from stillwatch.keyed import Keyer
from stillwatch.text.fingerprints import PREFIX_DEPTHS
from stillwatch.text.normal import clip, split_masked_words


def fingerprint_template(keyer: Keyer, text: str) -> int | None:
    """Return the keyed fingerprint of a template's wording, at the deepest prefix that it fills.

    None for a text of fewer words than the shallowest prefix (8): it says too little to tell
    exchanges by.

    >>> fingerprint_template(Keyer(bytes(32)), "Too short to mean anything") is None
    True
    """
    words = split_masked_words(clip(text))
    depths = [depth for depth in PREFIX_DEPTHS if depth <= len(words)]
    if not depths:
        return None
    depth = max(depths)
    return keyer.fingerprint(f"prefix{depth}", " ".join(words[:depth]))

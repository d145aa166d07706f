"""Lists of card number prefixes (BIN, IIN), as they stand in the account registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.entries import read_labelled_entries
from stillwatch.feeds.observables import make_own_indicator
from stillwatch.feeds.parsed import ParsedFeed
from stillwatch.feeds.registry import Feed

_NOT_A_LABEL = re.compile(r"[^a-z0-9]+")
_MOST_LABELS = 8


def parse_bin_list(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return one indicator per card number prefix; each refused entry is counted by reason.

    A whole card number is refused and not even kept as an example.
    """
    parsed = ParsedFeed()
    excluded = {item.value for item in feed.exclude}
    for entry, labels in read_labelled_entries(files, feed.parser):
        try:
            indicator = make_own_indicator("payment_bin", entry)
        except RefusedError as error:
            is_card = any(len(run) > 8 for run in re.findall(r"[0-9]+", re.sub(r"[ -]", "", entry)))
            parsed.refuse(error.reason, "(not shown)" if is_card else entry)
            continue
        if indicator.value in excluded:
            parsed.refuse("excluded", entry)
        else:
            parsed.use(replace(indicator, labels=_read_labels(feed, labels)), entry)
    return parsed


def _read_labels(feed: Feed, text: str) -> tuple[str, ...]:
    """Return the feed's labels and those of the row, as codes, each once."""
    own = (_NOT_A_LABEL.sub("_", part.lower()).strip("_")[:40] for part in text.split(";"))
    return tuple(dict.fromkeys((*feed.labels, *filter(None, own))))[:_MOST_LABELS]

"""What the tags of a MISP event or attribute say of handling and trust.

Read are the taxonomies `tlp`, `PAP`, `admiralty-scale`, `estimative-language` and the confidence
level of `misp`. Words become numbers by the scales of STIX 2.1, appendix A.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stillwatch.feeds.markings import read_tlp_name
from stillwatch.feeds.registry import Marking, get_narrowest_use, get_strictest

_MACHINE_TAG = re.compile(r'^([a-z_-]+):([a-z_-]+)="([^"]*)"$')

# PAP says what a recipient may do; below GREEN nothing that a suspect could notice, so it stays in.
_PAP_USES = {
    "red": "internal",
    "amber": "internal",
    "green": "peers",
    "clear": "public",
    "white": "public",
}
_CONFIDENCES = {
    ("estimative-language", "likelihood-probability"): {
        "almost-no-chance": 5,
        "very-unlikely": 15,
        "unlikely": 30,
        "roughly-even-chance": 50,
        "likely": 70,
        "very-likely": 85,
        "almost-certain": 95,
    },
    ("estimative-language", "confidence-in-analytic-judgment"): {
        "low": 15,
        "moderate": 50,
        "high": 85,
    },
    ("admiralty-scale", "information-credibility"): {"5": 10, "4": 30, "3": 50, "2": 70, "1": 90},
    ("misp", "confidence-level"): {
        "unconfident": 0,
        "rarely-confident": 25,
        "fairly-confident": 50,
        "usually-confident": 75,
        "completely-confident": 100,
    },
}


@dataclass(frozen=True)
class TagReading:
    """Handling and trust as tags state them; None where they say nothing."""

    marking: Marking | None = None
    permitted_use: str | None = None
    source_reliability: str | None = None
    information_credibility: int | None = None
    confidence: int | None = None
    is_deceptive: bool = False  # the Admiralty grade G: deliberately deceptive

    def combine(self, closer: TagReading) -> TagReading:
        """Return this reading with that of something inside it.

        The closer one knows better how far to trust; handling only ever gets stricter.
        """
        markings = [item for item in (self.marking, closer.marking) if item is not None]
        uses = [item for item in (self.permitted_use, closer.permitted_use) if item is not None]
        return TagReading(
            marking=get_strictest(markings) if markings else None,
            permitted_use=get_narrowest_use(uses) if uses else None,
            source_reliability=closer.source_reliability or self.source_reliability,
            information_credibility=closer.information_credibility or self.information_credibility,
            confidence=self.confidence if closer.confidence is None else closer.confidence,
            is_deceptive=self.is_deceptive or closer.is_deceptive,
        )


def read_tags(tags: object) -> TagReading:
    """Return what a list of MISP tags says; of several values of one kind the worst counts.

    A TLP or PAP tag that is none of the known ones counts as red: a handling rule that cannot be
    read is not one that may be ignored.

    >>> read_tags([{"name": "tlp:amber"}, {"name": "PAP:GREEN"}]).marking
    <Marking.AMBER: 'TLP:AMBER'>
    """
    names = list(_list_names(tags))
    markings = [read_tlp_name(name) for name in names if name.startswith("tlp:")]
    uses = [
        _PAP_USES.get(name.removeprefix("pap:"), "internal")
        for name in names
        if name.startswith("pap:")
    ]
    pairs = [found.groups() for name in names if (found := _MACHINE_TAG.match(name))]
    letters = [
        value
        for namespace, predicate, value in pairs
        if (namespace, predicate) == ("admiralty-scale", "source-reliability")
        and value in tuple("abcdefg")
    ]
    digits = [
        int(value)
        for namespace, predicate, value in pairs
        if (namespace, predicate) == ("admiralty-scale", "information-credibility")
        and value in tuple("123456")
    ]
    confidences = [
        scale[value]
        for namespace, predicate, value in pairs
        if value in (scale := _CONFIDENCES.get((namespace, predicate), {}))
    ]
    return TagReading(
        marking=get_strictest(markings) if markings else None,
        permitted_use=get_narrowest_use(uses) if uses else None,
        source_reliability=max((x for x in letters if x != "g"), default="").upper() or None,
        information_credibility=max(digits, default=None),
        confidence=min(confidences, default=None),
        is_deceptive="g" in letters,
    )


def _list_names(tags: object) -> Iterable[str]:
    for tag in tags if isinstance(tags, list) else []:
        name = tag.get("name") if isinstance(tag, dict) else tag
        if isinstance(name, str):
            yield name.strip().lower()

"""TLP markings of STIX objects, by reference, in TLP 1 and TLP 2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stillwatch.feeds.registry import Marking, get_strictest

TLP2_IDS = {
    Marking.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Marking.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Marking.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Marking.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Marking.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
_TLP_IDS = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Marking.CLEAR,  # TLP 1 white
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Marking.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Marking.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Marking.RED,
} | {name: marking for marking, name in TLP2_IDS.items()}
_TLP_NAMES = {
    "white": Marking.CLEAR,
    "clear": Marking.CLEAR,
    "green": Marking.GREEN,
    "amber": Marking.AMBER,
    "amber+strict": Marking.AMBER_STRICT,
    "red": Marking.RED,
}


class Markings:
    """Looks up the TLP level that an object's marking references ask for."""

    def __init__(self, objects: Iterable[dict[str, Any]]) -> None:
        self._levels: dict[str, Marking | None] = {}
        for item in objects:
            if item.get("type") == "marking-definition" and isinstance(item.get("id"), str):
                self._levels[item["id"]] = _read_level(item)
        self._levels |= _TLP_IDS

    def get_strictest_of(self, item: dict[str, Any]) -> Marking | None:
        """Return the strictest level of an object, None if it carries no TLP marking.

        A reference to a marking that nobody defines counts as TLP:RED: a handling rule that
        cannot be read is not one that may be ignored.
        """
        references = item.get("object_marking_refs") or []
        granular_markings = item.get("granular_markings") or []
        if not isinstance(references, list) or not isinstance(granular_markings, list):
            return Marking.RED
        for granular in granular_markings:
            if isinstance(granular, dict) and "marking_ref" in granular:
                references = [*references, granular["marking_ref"]]
        levels = [self._levels.get(str(name), Marking.RED) for name in references]
        known = [level for level in levels if level is not None]
        return get_strictest(known) if known else None


def _read_level(item: dict[str, Any]) -> Marking | None:
    definition = item.get("definition")
    level = definition.get("tlp") if isinstance(definition, dict) else None
    extensions = item.get("extensions")
    for extension in extensions.values() if isinstance(extensions, dict) else []:
        if isinstance(extension, dict) and "tlp_2_0" in extension:
            level = extension["tlp_2_0"]
    if level is None:
        return None  # a statement (copyright, terms): no TLP level
    return read_tlp_name(str(level))


def read_tlp_name(name: str) -> Marking:
    """Return the level that a TLP name of version 1 or 2 means; an unknown one counts as red.

    >>> read_tlp_name("tlp:white"), read_tlp_name("TLP:BLUE")
    (<Marking.CLEAR: 'TLP:CLEAR'>, <Marking.RED: 'TLP:RED'>)
    """
    return _TLP_NAMES.get(name.lower().removeprefix("tlp:"), Marking.RED)

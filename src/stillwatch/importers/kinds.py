"""The formats that can be imported."""

from __future__ import annotations

from stillwatch.errors import ConfigError
from stillwatch.importers.azure import AzureImporter
from stillwatch.importers.burstgpt import BurstGptImporter
from stillwatch.importers.model import Importer
from stillwatch.importers.mooncake import MooncakeImporter
from stillwatch.importers.servegen import ServeGenImporter
from stillwatch.importers.wildchat import WildChatImporter

IMPORTERS: dict[str, Importer] = {
    importer.kind: importer
    for importer in (
        AzureImporter(),
        BurstGptImporter(),
        MooncakeImporter(),
        ServeGenImporter(),
        WildChatImporter(),
    )
}


def get_importer(kind: str) -> Importer:
    """Return the importer of that kind, or raise a ConfigError that lists the known ones."""
    if kind not in IMPORTERS:
        raise ConfigError(f"there is no import of kind {kind!r}: known are {', '.join(IMPORTERS)}")
    return IMPORTERS[kind]

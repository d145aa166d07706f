"""The reference page of the imports: which field of which source is real, derived or invented."""

from __future__ import annotations

from stillwatch.importers.accounts import REGISTRY_NOTES
from stillwatch.importers.kinds import IMPORTERS
from stillwatch.importers.model import FieldNote, Importer

_INTRODUCTION = """\
`stillwatch import` reads logs that others have published. What a source does not say stays absent:
an exchange without text has no prompt. How to use it: [guide](../guides/import.md).

| origin | means |
|---|---|
| real | stands in the source as it is |
| derived | computed from what stands in the source |
| drawn | drawn at random from a distribution that the source gives |
| invented | the source says nothing; made up, because the field is mandatory |

A field of `stillwatch.exchange.v1` that stands in no table is absent.
"""


def write_page(marker: str) -> str:
    """Return `import.md`."""
    parts = ["# Imported fields\n", marker, _INTRODUCTION]
    parts += [_write_importer(importer) for importer in IMPORTERS.values()]
    parts += [
        "## Account registry of every import\n",
        "One snapshot per day, the same on every day, of the accounts that the import wrote.\n",
        _write_table(REGISTRY_NOTES),
    ]
    return "\n".join(parts)


def _write_importer(importer: Importer) -> str:
    return "\n".join(
        [
            f"## {importer.kind}\n",
            f"{importer.title}, from <{importer.obtain}>. {importer.licence}. "
            f"A record is {importer.record}.\n",
            _write_table(importer.notes),
        ]
    )


def _write_table(notes: tuple[FieldNote, ...]) -> str:
    rows = [f"| `{note.field}` | {note.origin} | {note.how} |" for note in notes]
    return "\n".join(["| field | origin | how |", "|---|---|---|", *rows, ""])

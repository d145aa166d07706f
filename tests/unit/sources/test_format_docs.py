"""The reference page of the formats."""

from __future__ import annotations

from stillwatch.canonical import EXCHANGES
from stillwatch.sources.format_docs import write_formats_page
from stillwatch.sources.formats import ADAPTERS

PAGE = write_formats_page("")


def test_formats_page__names_every_format_and_each_of_its_blind_spots() -> None:
    for format_id, adapter in ADAPTERS.items():
        assert f"### `{format_id}`" in PAGE
        assert all(f"- {spot}" in PAGE for spot in adapter.info.blind_spots)


def test_formats_page__marks_for_each_column_which_format_can_fill_it() -> None:
    for name in EXCHANGES.names:
        fills = [name in adapter.columns for adapter in ADAPTERS.values()]
        row = f"| `{name}` | {' | '.join('●' if fill else '·' for fill in fills)} |"
        assert (row in PAGE) != all(fills)
        assert f"`{name}`" in PAGE

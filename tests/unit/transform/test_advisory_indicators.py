"""The advisory's indicators name only what the project measures."""

from __future__ import annotations

import csv
import re

from stillwatch.project import get_project_root

_PROJECT = get_project_root() / "dbt_project"


def _read_seed(name: str) -> list[dict[str, str]]:
    with (_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _list_codes(column: str) -> set[str]:
    rows = _read_seed("advisory_indicators")
    return {code for row in rows for code in row[column].split(";") if code}


def test_indicators__signals_are_in_the_catalogue() -> None:
    signals = {row["signal_code"] for row in _read_seed("signal_catalog")}
    assert _list_codes("signal_codes") <= signals


def test_indicators__link_types_are_kinds_that_tie_accounts() -> None:
    types = {row["identifier_type"]: row for row in _read_seed("group_types")}
    named = _list_codes("link_types")
    assert named <= set(types)
    # a kind that is no text is observable only where the model knows its registry field
    model = (_PROJECT / "models/intermediate/campaigns/int_account_indicators.sql").read_text(
        encoding="utf-8"
    )
    registered = {code for code in named if types[code]["is_text"] == "false"}
    assert registered == set(re.findall(r"^    '(\w+)': ", model, re.MULTILINE))


def test_indicators__techniques_are_counted() -> None:
    macro = (_PROJECT / "macros/signals/codes.sql").read_text(encoding="utf-8")
    assert _list_codes("technique_codes") <= set(re.findall(r"'(\w+)'", macro))


def test_indicators__the_ten_numbered_ones_come_first_and_each_has_a_benign_cause() -> None:
    rows = _read_seed("advisory_indicators")
    assert [row["place"] for row in rows] == [str(place) for place in range(1, len(rows) + 1)]
    assert [row["advisory_number"] for row in rows[:10]] == [str(n) for n in range(1, 11)]
    assert not any(row["advisory_number"] for row in rows[10:])
    assert all(row["benign_cause"].endswith(".") and row["data_fields"] for row in rows)

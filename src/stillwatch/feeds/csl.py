"""Screening lists of parties: who is listed, by which list, under which names, since when.

Read are the Consolidated Screening List (CSV, JSON), the Denied Persons List (tab-separated), the
Entity List and Military End-User List as JSON, and OFAC's SDN list (CSV files or XML). The form is
told from the content, so that a feed may change its form and a version with several files may mix
them. Addresses are read for their country only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.entries import decode, load_json, read_first_row
from stillwatch.feeds.ofac import is_sdn_file, parse_sdn_files, parse_sdn_xml
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.parties import clean, find_list_code, find_type, make_party
from stillwatch.feeds.registry import Feed

# How lists that come one by one call themselves: their code and name in the consolidated list.
_LIST_IDS = {
    "bis-entity-list": ("EL", "Entity List (EL) - Bureau of Industry and Security"),
    "bis-meu": ("MEU", "Military End User (MEU) List - Bureau of Industry and Security"),
}
_DENIED = ("DPL", "Denied Persons List (DPL) - Bureau of Industry and Security")


def parse_csl(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return the listed parties of all files; each refused entry is counted by reason."""
    parsed = ParsedFeed()
    excluded = {item.value for item in feed.exclude}
    sdn = {name: decode(name, files[name]) for name in sorted(files) if is_sdn_file(name)}
    if sdn:
        parse_sdn_files(parsed, sdn, excluded)
    for name in sorted(set(files) - set(sdn)):
        _parse_file(parsed, name, decode(name, files[name]), excluded)
    return parsed


def _parse_file(parsed: ParsedFeed, name: str, text: str, excluded: set[str]) -> None:
    start = text.lstrip()[:1]
    if start == "<":
        parse_sdn_xml(parsed, name, text, excluded)
        return
    if start in ("{", "["):
        _parse_json(parsed, name, load_json(name, text), excluded)
        return
    delimiter = "\t" if "\t" in text.split("\n", 1)[0] else ","
    names = {cell.strip().lower() for cell in read_first_row(name, text, delimiter)}
    if {"source", "name"} <= names:
        _parse_rows(parsed, name, text, delimiter, excluded, _use_consolidated)
    elif {"name", "effective_date", "standard_order"} <= names:
        _parse_rows(parsed, name, text, delimiter, excluded, _use_denied)
    else:
        raise VersionRefusedError(
            "unreadable",
            f"{name} has none of the headers of a screening list: {sorted(names)[:12]}",
        )


def _parse_rows(
    parsed: ParsedFeed,
    name: str,
    text: str,
    delimiter: str,
    excluded: set[str],
    use: Any,
) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = [cell.strip().lower() for cell in next(reader)]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            entry = " ".join(cells)
            if len(cells) > len(header):
                parsed.refuse("wrong_column_count", entry)
                continue
            row = dict(zip(header, cells, strict=False))
            _try(parsed, use, row, entry, excluded)
    except csv.Error as error:
        place = f"{name}: line {reader.line_num}: {error}"
        raise VersionRefusedError("unreadable", place) from error


def _try(parsed: ParsedFeed, use: Any, row: Any, entry: str, excluded: set[str]) -> None:
    try:
        party = use(row)
    except RefusedError as error:
        parsed.refuse(error.reason, entry)
        return
    if party.entry_id in excluded or party.name in excluded:
        parsed.refuse("excluded", entry)
    else:
        parsed.use_party(party)


def _use_consolidated(row: Mapping[str, str]) -> Any:
    list_name = clean(row.get("source"))
    return make_party(
        find_list_code(list_name),
        list_name,
        row.get("name", ""),
        entry_id=clean(row.get("_id")) or clean(row.get("id")) or clean(row.get("entity_number")),
        party_type=find_type(clean(row.get("type"))),
        aliases=clean(row.get("alt_names")).split("; "),
        countries=_read_tail_countries(row.get("addresses", "")),
        programmes=clean(row.get("programs")).split(";"),
        notice=row.get("federal_register_notice", ""),
        start=row.get("start_date", ""),
        end=row.get("end_date", ""),
        source_url=row.get("source_list_url", ""),
    )


def _read_tail_countries(addresses: str) -> Iterator[str]:
    """Yield the last part of each address; the consolidated list ends them in a country code.

    A comma-separated state without a country (`PHOENIX, AZ, 85043`) ends in digits and is no code.
    """
    for address in addresses.split(";"):
        last = address.rsplit(",", 1)[-1].strip()
        if len(last) == 2 and last.isupper():
            yield last


def _use_denied(row: Mapping[str, str]) -> Any:
    code, list_name = _DENIED
    return make_party(
        code,
        list_name,
        row.get("name", ""),
        countries=[row.get("country", "")],
        notice=row.get("fr_citation", ""),
        start=row.get("effective_date", ""),
        end=row.get("expiration_date", ""),
    )


def _parse_json(parsed: ParsedFeed, name: str, document: Any, excluded: set[str]) -> None:
    use, entries = _use_result, document
    if isinstance(document, dict):
        if "list_id" in document:
            use, entries = _make_list_reader(clean(document["list_id"])), document.get("entities")
        else:
            entries = document.get("results")
    if not isinstance(entries, list):
        raise VersionRefusedError(
            "unreadable", f"{name} has neither `results` nor `list_id` with `entities`"
        )
    for item in entries:
        if not isinstance(item, dict):
            parsed.refuse("malformed", str(item))
            continue
        entry = f"{item.get('id') or ''} {item.get('name')}".strip()
        try:
            _try(parsed, use, item, entry, excluded)
        except (TypeError, AttributeError):  # a list or text where the form has the other
            parsed.refuse("malformed", entry)


def _use_result(item: Mapping[str, Any]) -> Any:
    list_name = clean(item.get("source"))
    addresses = [entry.get("country") for entry in item.get("addresses") or []]
    return make_party(
        find_list_code(list_name),
        list_name,
        clean(item.get("name")),
        entry_id=clean(item.get("id")) or clean(item.get("entity_number")),
        party_type=find_type(clean(item.get("type"))),
        aliases=_list(item.get("alt_names")),
        countries=[clean(text) for text in (*addresses, item.get("country"))],
        programmes=_list(item.get("programs")),
        notice=clean(item.get("federal_register_notice")),
        start=clean(item.get("start_date")),
        end=clean(item.get("end_date")),
        source_url=clean(item.get("source_list_url")),
    )


def _make_list_reader(list_id: str) -> Any:
    code, list_name = _LIST_IDS.get(list_id, (find_list_code(list_id), list_id))

    def use(item: Mapping[str, Any]) -> Any:
        return make_party(
            code,
            list_name,
            clean(item.get("name")),
            aliases=_list(item.get("aliases")),
            countries=[clean(item.get("country"))],
            notice=clean(item.get("federal_register")),
            start=clean(item.get("effective_date")),
        )

    return use


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return [clean(item) for item in value]

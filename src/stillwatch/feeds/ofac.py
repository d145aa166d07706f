"""OFAC's own form of the SDN list: the CSV files sdn, alt, add and sdn_comments, or SDN.XML."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Mapping

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.parties import clean, find_type, make_party

_LIST = ("SDN", "Specially Designated Nationals (SDN) - Treasury Department")
_FILE = re.compile(r"^(sdn|alt|add|sdn_comments)\.csv(\.gz|\.zst)?$", re.IGNORECASE)
_NICKNAME = re.compile(r"\ba\.k\.a\. '([^']+)'")
_WIDTHS = {"sdn": 12, "alt": 5, "add": 6, "sdn_comments": 2}
_PROGRAMME_MARKS = re.compile(r"[\[\];]+")


def is_sdn_file(name: str) -> bool:
    """Return whether a file is one of OFAC's CSV files, which have no header."""
    return _FILE.match(name) is not None


def parse_sdn_files(parsed: ParsedFeed, files: Mapping[str, str], excluded: set[str]) -> None:
    """Count one entry per row of sdn.csv, with its rows of the other files joined by its number.

    A row of another file whose number is not in sdn.csv is an entry refused as `no_such_party`.
    """
    tables: dict[str, list[list[str]]] = {}
    for name, text in files.items():
        found = _FILE.match(name)
        if found is not None:
            tables[found[1].lower()] = _read(parsed, name, text, found[1].lower())
    if "sdn" not in tables:
        raise VersionRefusedError("unreadable", "alt.csv or add.csv came without sdn.csv")
    aliases: dict[str, list[tuple[str, str]]] = defaultdict(list)
    countries: dict[str, list[str]] = defaultdict(list)
    remarks: dict[str, list[str]] = defaultdict(list)
    known = {row[0] for row in tables["sdn"]}
    for row in tables.get("alt", []):
        if _is_known(parsed, "alt", row, known):
            aliases[row[0]].append((clean(row[2]), clean(row[3])))
    for row in tables.get("add", []):
        if _is_known(parsed, "add", row, known):
            countries[row[0]].append(clean(row[4]))
    for row in tables.get("sdn_comments", []):
        if _is_known(parsed, "sdn_comments", row, known):
            remarks[row[0]].append(clean(row[1]))
    for row in tables["sdn"]:
        number, name = row[0], clean(row[1])
        nicknames = _NICKNAME.findall(" ".join([clean(row[11]), *remarks[number]]))
        try:
            _check_excluded(number, name, excluded)
            party = make_party(
                *_LIST,
                name,
                entry_id=number,
                party_type=find_type(clean(row[2]) or "entity"),
                aliases=[text for _, text in aliases[number]],
                weak_aliases=nicknames,
                countries=countries[number],
                programmes=_PROGRAMME_MARKS.split(clean(row[3])),
            )
        except RefusedError as error:
            parsed.refuse(error.reason, f"{number} {name}")
        else:
            parsed.use_party(party)


def _read(parsed: ParsedFeed, name: str, text: str, kind: str) -> list[list[str]]:
    rows = []
    reader = csv.reader(io.StringIO(text.replace("\x1a", ""), newline=""))  # ends in Ctrl-Z
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != _WIDTHS[kind] or not row[0].strip().isdigit():
                parsed.refuse("wrong_column_count", f"{name}: {','.join(row)}")
                continue
            rows.append([row[0].strip(), *row[1:]])
    except csv.Error as error:
        place = f"{name}: line {reader.line_num}: {error}"
        raise VersionRefusedError("unreadable", place) from error
    return rows


def _is_known(parsed: ParsedFeed, table: str, row: list[str], known: set[str]) -> bool:
    if row[0] in known:
        return True
    parsed.refuse("no_such_party", f"{table}.csv: {','.join(row)}")
    return False


def _check_excluded(number: str, name: str, excluded: set[str]) -> None:
    if number in excluded or name in excluded:
        raise RefusedError("excluded")


def parse_sdn_xml(parsed: ParsedFeed, name: str, text: str, excluded: set[str]) -> None:
    """Count one entry per `sdnEntry`; a document type is refused, since it may define entities."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise VersionRefusedError("unreadable", f"{name} holds a document type definition")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no entities: refused above
    except ElementTree.ParseError as error:
        raise VersionRefusedError("unreadable", f"{name} is not XML: {error}") from error
    entries = [node for node in root if _get_tag(node) == "sdnEntry"]
    if _get_tag(root) != "sdnList":
        raise VersionRefusedError("unreadable", f"{name} is no sdnList but {_get_tag(root)!r}")
    for entry in entries:
        number, full = _get_text(entry, "uid"), _get_name(entry)
        akas = list(_walk(entry, "aka"))
        try:
            _check_excluded(number, full, excluded)
            party = make_party(
                *_LIST,
                full,
                entry_id=number,
                party_type=find_type(_get_text(entry, "sdnType")),
                aliases=[_get_name(aka) for aka in akas if _get_text(aka, "category") != "weak"],
                weak_aliases=[
                    _get_name(aka) for aka in akas if _get_text(aka, "category") == "weak"
                ],
                countries=[_get_text(node, "country") for node in _walk(entry, "address")],
                programmes=[clean(node.text) for node in _walk(entry, "program")],
            )
        except RefusedError as error:
            parsed.refuse(error.reason, f"{number} {full}")
        else:
            parsed.use_party(party)


def _get_tag(node: ElementTree.Element) -> str:
    return node.tag.rsplit("}", 1)[-1]


def _walk(node: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    return [item for item in node.iter() if _get_tag(item) == tag]


def _get_text(node: ElementTree.Element, tag: str) -> str:
    return next((clean(item.text) for item in node if _get_tag(item) == tag), "")


def _get_name(node: ElementTree.Element) -> str:
    """Return a name as the CSV files write it: `LAST, First`, or the last name alone."""
    first, last = _get_text(node, "firstName"), _get_text(node, "lastName")
    return f"{last}, {first}" if first else last

import json
from datetime import UTC, date, datetime

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.keyed import Keyer
from stillwatch.policy.reference import load_reference
from stillwatch.policy.schemas import TABLES
from stillwatch.settings import Settings, get_deployment_key
from stillwatch.text.fingerprints import take_fingerprints
from stillwatch.text.normal import split_masked_words

DAY = date(2026, 11, 1)
ALLOWLIST = "scope,value,reason,owner,approved_by,valid_from,valid_until"


@pytest.fixture
def load(tmp_path):
    settings = Settings(
        home=tmp_path / "var", landing_uri=f"file://{tmp_path}/landing", config=tmp_path / "config"
    )

    def run(files=None, day=DAY):
        folder = tmp_path / "landing" / "reference"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (files or {}).items():
            content = text if isinstance(text, bytes) else text.encode()
            (folder / f"{name}.csv").write_bytes(content)
        result = load_reference(settings, day)
        for table in result.tables:
            assert table.read_count == table.used_count + table.refused_count
            assert table.refused_count == sum(table.refused_by_reason.values())
        return {table.name: table for table in result.tables}

    return run


@pytest.fixture
def read(tmp_path):
    def run(name, day=DAY):
        return pq.read_table(tmp_path / "var" / "reference" / f"dt={day}" / f"{name}.parquet")

    return run


def test_load_reference__absent_tables_are_written_empty_with_their_schema(load, read):
    assert {table.state for table in load().values()} == {"absent"}
    for table in TABLES:
        found = read(table.name)
        assert found.num_rows == 0
        assert found.schema.equals(table.schema)


def test_load_reference__types_every_table(load, read):
    tables = load(
        {
            "model_releases": "model,platform,released_at,announced_at,is_public\n"
            "m-1,,2026-10-01T12:00:00Z,,true\nm-1,native,2026-10-01T14:00:00+02:00,2026-09-30,no\n",
            "allowlist": f"{ALLOWLIST}\n"
            "organization,o-1,evaluation,j.roe,m.poe,2026-01-01,2027-01-01\n",
            "ownership": "owner_id,owned_id,share_percent,valid_from,valid_until,source\n"
            "e-1,e-2,62.5,2024-01-01,,register\ne-1,e-3,,,,press\n",
            "entities": "entity_id,name,aliases,country\ne-1,Example Holding,EH|Example;EH,us\n",
            "policy_facts": "instrument,fact,status,effective_from,effective_until,source\n"
            "rule,text,in_force,2025-09-29,,register\n",
            "decisions": "subject_type,subject_id,decision,actor,decided_at,reason,expires_at\n"
            "campaign,c-1,dismiss,j.roe,2026-10-30T09:00:00Z,honest,2027-01-01\n",
        }
    )
    assert {name: table.used_count for name, table in tables.items()} == {
        "model_releases": 2,
        "allowlist": 1,
        "ownership": 2,
        "entities": 1,
        "policy_facts": 1,
        "decisions": 1,
    }
    releases = read("model_releases").to_pylist()
    noon = datetime(2026, 10, 1, 12, tzinfo=UTC)
    assert [row["released_at"] for row in releases] == [noon, noon]
    assert [row["platform"] for row in releases] == [None, "native"]
    assert [row["is_public"] for row in releases] == [True, False]
    assert releases[1]["announced_at"] == datetime(2026, 9, 30, tzinfo=UTC)
    assert read("entities").to_pylist()[0]["aliases"] == ["EH", "Example"]
    assert read("entities").to_pylist()[0]["country"] == "US"
    assert [row["share_percent"] for row in read("ownership").to_pylist()] == [62.5, None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("organization,o-1,why,,m.poe,2026-01-01,2027-01-01", "no_owner"),
        ("organization,o-1,,j.roe,m.poe,2026-01-01,2027-01-01", "no_reason"),
        ("organization,o-1,why,j.roe,,2026-01-01,2027-01-01", "no_approved_by"),
        ("organization,o-1,why,j.roe,m.poe,2026-01-01,", "no_valid_until"),
        ("organization,o-1,why,j.roe,m.poe,,2027-01-01", "no_valid_from"),
        ("organization,o-1,why,j.roe,m.poe,2027-01-01,2027-01-01", "ends_before_start"),
        ("organization,o-1,why,j.roe,m.poe,2026-02-30,2027-01-01", "bad_date"),
        ("organization,o-1,why,j.roe,m.poe,01/02/2026,2027-01-01", "bad_date"),
        ("organization,o-1,why,j.roe,m.poe,2026-01-01T00:00:00,2027-01-01", "no_time_zone"),
        ("address,o-1,why,j.roe,m.poe,2026-01-01,2027-01-01", "unknown_scope"),
        ("organization,o-1,why,j.roe,m.poe,2026-01-01", "wrong_column_count"),
        (f"organization,o-1,{'x' * 3000},j.roe,m.poe,2026-01-01,2027-01-01", "too_long"),
    ],
)
def test_load_reference__an_incomplete_exemption_is_refused_and_named(load, read, row, reason):
    good = "account,a-1,why,j.roe,m.poe,2026-01-01,2027-01-01"
    table = load({"allowlist": f"{ALLOWLIST}\n{row}\n{good}\n"})["allowlist"]
    assert (table.used_count, table.refused_by_reason) == (1, {reason: 1})
    assert table.refused_rows[0][:2] == (2, reason)
    assert [item["value"] for item in read("allowlist").to_pylist()] == ["a-1"]


def test_load_reference__a_decision_counts_from_its_day_on(load, read):
    text = (
        "subject_type,subject_id,decision,actor,decided_at,reason,expires_at\n"
        "campaign,c-1,confirm,j.roe,2026-11-01T23:59:59Z,seen,\n"
        "campaign,c-2,confirm,j.roe,2026-11-02T00:00:00Z,seen,\n"
        "campaign,c-3,agree,j.roe,2026-10-01T00:00:00Z,seen,\n"
    )
    table = load({"decisions": text})["decisions"]
    assert table.refused_by_reason == {"not_yet_decided": 1, "unknown_decision": 1}
    assert [row["subject_id"] for row in read("decisions").to_pylist()] == ["c-1"]
    later = date(2026, 11, 2)
    load(day=later)
    assert [row["subject_id"] for row in read("decisions", later).to_pylist()] == ["c-1", "c-2"]


@pytest.mark.parametrize("share", ["101", "-1", "nan", "half", "1e400"])
def test_load_reference__an_impossible_share_is_refused(load, share):
    text = f"owner_id,owned_id,share_percent,valid_from,valid_until,source\na,b,{share},,,press\n"
    assert load({"ownership": text})["ownership"].refused_by_reason == {"bad_number": 1}


def test_load_reference__doubles_and_contradictions_are_counted(load):
    row = "rule,text,{},2025-09-29,,register\n"
    text = "instrument,fact,status,effective_from,effective_until,source\n"
    text += row.format("in_force") + row.format("in_force") + row.format("suspended")
    table = load({"policy_facts": text})["policy_facts"]
    assert table.refused_by_reason == {"contradiction": 1, "duplicate": 1}


def test_load_reference__spreadsheet_habits_are_no_error(load, read):
    row = "account, a-1 ,why,j,m,2026-01-01,2027-01-01,x"
    text = f"\ufeff{ALLOWLIST},comment\r\n\r\n{row}\r\n,,,,,,,\r\n"
    table = load({"allowlist": text})["allowlist"]
    assert (table.read_count, table.used_count, table.unknown_columns) == (1, 1, ("comment",))
    assert read("allowlist").to_pylist()[0]["value"] == "a-1"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "empty"),
        (b"scope,value\n", "'reason' is missing"),
        (f"{ALLOWLIST},scope\n".encode(), "'scope' is there more than once"),
        (b"scope,\xff\n", "not UTF-8"),
        (f'{ALLOWLIST}\n"account,a\n'.encode(), "not CSV"),
    ],
)
def test_load_reference__a_file_that_is_no_table_stops_the_day(load, content, named):
    with pytest.raises(InputError, match=named) as raised:
        load({"allowlist": content})
    assert "allowlist.csv" in str(raised.value)


def test_load_reference__writes_the_ledger_and_the_same_bytes_again(load, tmp_path):
    text = f"{ALLOWLIST}\naccount,a-1,why,j.roe,m.poe,2026-01-01,2027-01-01\naccount,a-2,,,,,\n"
    load({"allowlist": text})
    ledger = tmp_path / "var" / "ledger" / "reference" / "dt=2026-11-01.json"
    record = json.loads(ledger.read_text())["tables"]["allowlist"]
    assert (record["read_count"], record["used_count"], record["refused_count"]) == (2, 1, 1)
    assert record["refused_rows"] == [{"line_number": 3, "reason": "no_reason", "column": "reason"}]
    files = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    load()
    assert before == {path: path.read_bytes() for path in files}
    assert len(before) == 8 + 1  # six tables, result, changes; the lock


WORDING = "Grade the answer below against the key and reply with one number only"


def test_load_reference__a_template_given_as_wording_is_kept_as_its_fingerprint(
    load, read, tmp_path
):
    row = f"template,{WORDING},evaluation,j.roe,m.poe,2026-01-01,2027-01-01"
    load({"allowlist": f"{ALLOWLIST}\n{row}\n"})
    settings = Settings(
        home=tmp_path / "var", landing_uri=f"file://{tmp_path}/landing", config=tmp_path / "config"
    )
    words = split_masked_words(WORDING)
    prints = take_fingerprints(words, Keyer(get_deployment_key(settings)))
    assert [row["value"] for row in read("allowlist").to_pylist()] == [str(prints.prefixes[0])]
    stored = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    assert stored
    assert not [path for path in stored if b"answer below" in path.read_bytes()]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("-42", None),
        (str(2**63), "bad_fingerprint"),
        ("Only seven words are in this one", "short_template"),
    ],
)
def test_load_reference__a_template_must_be_told_by_its_fingerprint(load, read, value, reason):
    row = f"template,{value},evaluation,j.roe,m.poe,2026-01-01,2027-01-01"
    table = load({"allowlist": f"{ALLOWLIST}\n{row}\n"})["allowlist"]
    assert table.refused_by_reason == ({} if reason is None else {reason: 1})
    assert [row["value"] for row in read("allowlist").to_pylist()] == (
        [value] if not reason else []
    )


@pytest.mark.parametrize(
    ("subject", "decision", "refused"),
    [
        ("SW-1|SW-2", "merge", {}),
        ("SW-1|native:a-1", "split", {}),
        ("SW-1", "merge", {"no_target": 1}),
        ("SW-1| ", "split", {"no_target": 1}),
        ("SW-1", "confirm", {}),
    ],
)
def test_load_reference__a_split_or_merge_names_both_sides(load, subject, decision, refused):
    head = "subject_type,subject_id,decision,actor,decided_at,reason,expires_at"
    row = f"campaign,{subject},{decision},j.roe,2026-10-30T09:00:00Z,same operator,"
    assert load({"decisions": f"{head}\n{row}\n"})["decisions"].refused_by_reason == refused

"""WildChat: one exchange per message of a user, with what its header said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.importers.wildchat import load_countries

NOON = datetime(2023, 4, 9, 12, tzinfo=UTC)


def make_turn(role: str, content: str, minute: int | None = None, **more):
    at = NOON + timedelta(minutes=minute) if minute is not None else None
    return {"role": role, "content": content, "timestamp": at, **more}


def make_row(name: str, turns: list[dict], **more):
    return {
        "conversation_hash": name,
        "model": "gpt-4-0314",
        "timestamp": NOON,
        "conversation": turns,
        "toxic": False,
        **more,
    }


@pytest.fixture
def write_rows(tmp_path):
    def write(*rows, name: str = "train-00000.parquet"):
        pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / name)
        return tmp_path / name

    return write


WHO = {
    "hashed_ip": "ab" * 32,
    "country": "Russia",
    "header": {"user-agent": "Browser/1.0\n(x)", "accept-language": "ru"},
}


def test_wildchat__gives_one_exchange_per_message_of_a_user(landed, write_rows):
    turns = [
        make_turn("user", "first question", **WHO),
        make_turn("assistant", "an answer", 1),
        make_turn("user", "second question", 3, **WHO),
        make_turn("assistant", "", 4),
    ]
    summary = landed.run("wildchat", [write_rows(make_row("c1", turns))])
    first, second = landed.read()
    assert summary.read_count == summary.written_count == 2
    assert first["event_at"] == "2026-11-01T12:01:00.000000Z"  # of the reply: it has none itself
    assert second["event_at"] == "2026-11-01T12:03:00.000000Z"
    assert [row["prompt"] for row in (first, second)] == ["first question", "second question"]
    assert [row["status"] for row in (first, second)] == ["ok", "error"]
    assert [row["message_count"] for row in (first, second)] == [1, 3]
    assert first["account_id"] == second["account_id"]
    assert first["client_country"] == "RU"
    assert first["user_agent"] == "Browser/1.0 (x)"
    assert first["session_id"] == "c1"
    assert not {"input_tokens", "output_tokens", "client_ip"} & set(first)


def test_wildchat__the_first_release_names_nobody(landed, write_rows):
    rows = [
        {
            "conversation_id": f"c{n}",
            "model": "gpt-3.5-turbo",
            "timestamp": NOON.replace(tzinfo=None),
            "conversation": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a"},
            ],
        }
        for n in range(30)
    ]
    summary = landed.run("wildchat", [write_rows(*rows)], account_count=5)
    written = landed.read()
    assert summary.account_count <= 5
    assert {row["event_at"] for row in written} == {"2026-11-01T12:00:00.000000Z"}
    assert {row["session_id"] for row in written} == {f"c{n}" for n in range(30)}
    assert "client_country" not in written[0]


def test_wildchat__days_count_from_the_earliest_row_not_the_first(landed, write_rows):
    later = make_row("late", [make_turn("user", "q", 24 * 60, **WHO)])
    early = make_row("early", [make_turn("user", "q", 0, **WHO)])
    landed.run("wildchat", [write_rows(later, early)])
    assert {row["session_id"]: row["event_at"][8:10] for row in landed.read()} == {
        "early": "01",
        "late": "02",
    }


def test_wildchat__conserves_its_records(landed, write_rows):
    rows = [
        make_row("none", [make_turn("assistant", "hello", 0)]),
        make_row("good", [make_turn("user", "q", 0, **WHO)]),
        make_row("bad", [make_turn("user", "q", 0, **WHO)], toxic=True),
        make_row("far", [make_turn("user", "q", 60 * 24 * 9, **WHO)]),
        make_row("nomodel", [make_turn("user", "q", 0, **WHO)], model=None),
    ]
    summary = landed.run("wildchat", [write_rows(*rows)], drop_flagged=True, skip_bad=True)
    assert summary.skipped_by_reason == {
        "after_window": 1,
        "bad_record": 1,
        "flagged_toxic": 1,
        "no_user_message": 1,
    }
    assert summary.read_count == summary.written_count + 4 == 5
    assert "row 5, column 'conversation', message 1" in summary.problems[0]


def test_wildchat__addresses_that_begin_alike_are_two_people(landed, write_rows):
    rows = [
        make_row(f"c{n}", [make_turn("user", "q", 0, **{**WHO, "hashed_ip": "0" * 63 + str(n)})])
        for n in range(2)
    ]
    assert landed.run("wildchat", [write_rows(*rows)]).account_count == 2


def test_wildchat__flagged_conversations_stay_unless_asked(landed, write_rows):
    row = make_row("bad", [make_turn("user", "q", 0, **WHO)], toxic=True)
    assert landed.run("wildchat", [write_rows(row)]).written_count == 1


def test_wildchat__an_unknown_country_is_left_out(landed, write_rows):
    turn = make_turn("user", "q", 0, **{**WHO, "country": "Atlantis"})
    landed.run("wildchat", [write_rows(make_row("c", [turn]))])
    assert "client_country" not in landed.read()[0]


def test_wildchat__another_table_is_refused(landed, tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"model": ["m"]}), path)
    with pytest.raises(InputError, match="no column 'timestamp', 'conversation'; found model"):
        landed.run("wildchat", [path])


def test_wildchat__a_cut_off_file_is_refused(landed, write_rows, tmp_path):
    whole = write_rows(make_row("c", [make_turn("user", "q", 0, **WHO)])).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"cut.parquet, after row 0: not a whole Parquet file"):
        landed.run("wildchat", [tmp_path / "cut.parquet"])


def test_load_countries__are_distinct_two_letter_codes():
    countries = load_countries()
    assert all(len(code) == 2 and code.isupper() for code in countries.values())
    assert len(set(countries.values())) > 240
    assert (countries["Norway"], countries["Hong Kong"]) == ("NO", "HK")

"""BurstGPT with six and with eight columns: failures, sessions, latencies."""

from __future__ import annotations

import pytest

from stillwatch.errors import InputError

V1 = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"
V2 = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"


def test_burstgpt__v1_has_no_sessions_and_marks_failures(landed, write_file):
    path = write_file(
        "BurstGPT_1.csv",
        V1,
        "5,ChatGPT,472,18,490,Conversation log",
        "86405,GPT-4,417,0,417,API log",
    )
    landed.run("burstgpt", [path])
    first, second = landed.read()
    assert first["event_at"] == "2026-11-01T00:00:05.000000Z"
    assert second["event_at"] == "2026-11-02T00:00:05.000000Z"
    assert (first["status"], second["status"]) == ("ok", "error")
    assert (first["model"], second["model"]) == ("ChatGPT", "GPT-4")
    assert first["account_id"].startswith("burstgpt-chat-")
    assert second["account_id"].startswith("burstgpt-api-")
    assert "session_id" not in first
    assert "latency_ms" not in first


def test_burstgpt__v2_begins_in_the_middle_and_keeps_a_session_on_one_account(landed, write_file):
    row = "{at},{session},{took},GPT-4,906,446,1352,Conversation log"
    path = write_file(
        "BurstGPT_3.csv",
        V2,
        *(row.format(at=19440110.0 + n, session=f"s{n % 7}", took=n) for n in range(40)),
        "19440160.0,,7,ChatGPT,5,6,11,API log",
    )
    landed.run("burstgpt", [path])
    rows = landed.read()
    assert rows[0]["event_at"] == "2026-11-01T00:01:50.000000Z"  # 19,440,110 s = 225 days + 110 s
    assert [row["latency_ms"] for row in rows[:3]] == [0, 1000, 2000]
    owners = {(row["session_id"], row["account_id"]) for row in rows[:-1]}
    assert len(owners) == 7
    assert len({account for _, account in owners}) > 1
    assert "session_id" not in rows[-1]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("5,ChatGPT,472,18,490,Voice log", "column 'Log Type': 'Voice log' is not"),
        ("5,,472,18,490,API log", "column 'Model': '' is not the name of a model"),
        ("x,ChatGPT,472,18,490,API log", "column 'Timestamp': 'x' is not a number"),
    ],
)
def test_burstgpt__names_the_place_of_a_bad_row(landed, write_file, row, place):
    path = write_file("b.csv", V1, "1,ChatGPT,4,1,5,API log", row)
    with pytest.raises(InputError) as caught:
        landed.run("burstgpt", [path])
    assert f"{path}, line 3, {place}" in str(caught.value)


def test_burstgpt__a_negative_latency_is_refused(landed, write_file):
    path = write_file("b.csv", V2, "5,s,-1,ChatGPT,472,18,490,Conversation log")
    place = f"{path}, line 2, column 'Elapsed time': '-1' is not between 0"
    with pytest.raises(InputError) as caught:
        landed.run("burstgpt", [path])
    assert "no readable record" in str(caught.value)
    assert place in str(caught.value)

"""Mooncake: conversations and cached tokens from block hashes."""

from __future__ import annotations

import json

import pytest

from stillwatch.errors import InputError
from stillwatch.importers.mooncake import PrefixReader


def make_line(at: int, blocks: list[int], tokens: int | None = None) -> str:
    length = tokens if tokens is not None else 512 * len(blocks)
    return json.dumps(
        {"timestamp": at, "input_length": length, "output_length": 9, "hash_ids": blocks}
    )


def test_mooncake__follows_conversations_and_counts_cached_tokens(landed, write_file):
    path = write_file(
        "conversation_trace.jsonl",
        make_line(0, [0, 1, 2]),
        make_line(1500, [0, 1, 3, 4]),  # the first's last block was not full: goes on
        make_line(2000, [0, 9]),  # shares only what all share
        make_line(3000, [0, 1, 3, 4, 5], tokens=2100),
    )
    landed.run("mooncake", [path])
    rows = landed.read()
    sessions = [row["session_id"] for row in rows]
    assert sessions[0] == sessions[1] == sessions[3] != sessions[2]
    assert [row["cached_input_tokens"] for row in rows] == [0, 1024, 512, 2048]
    assert len({rows[n]["account_id"] for n in (0, 1, 3)}) == 1
    assert [row["event_at"][17:] for row in rows] == [
        "00.000000Z", "01.500000Z", "02.000000Z", "03.000000Z"
    ]  # fmt: skip
    assert not {"prompt", "system_prompt"} & set(rows[0])


def test_mooncake__cached_tokens_never_exceed_the_input(landed, write_file):
    path = write_file("t.jsonl", make_line(0, [0, 1]), make_line(1, [0, 1], tokens=700))
    landed.run("mooncake", [path])
    assert [row["cached_input_tokens"] for row in landed.read()] == [0, 700]


def test_prefix_reader__a_part_of_a_conversation_is_the_same_application_only():
    reader = PrefixReader()
    first = reader.add([0, 1, 2, 3, 4])
    branch = reader.add([0, 1, 2, 8])
    assert branch.shared_blocks == 3
    assert (branch.application, branch.turn) == (first.application, 1)
    assert branch.session != first.session


def test_prefix_reader__forgets_the_oldest_blocks_only():
    reader = PrefixReader(remembered=4)
    reader.add([0, 1])
    reader.add([0, 2])
    reader.add([0, 3])
    assert reader.add([0, 3]).shared_blocks == 2
    reader.add([0, 4])
    assert reader.add([0, 1]).shared_blocks == 1  # block 1 was the oldest of five


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('{"timestamp": 1, "input_length":', "line 2, column 33: not JSON"),
        ("[1]", "line 2: not a JSON object"),
        (make_line(1, [0]).replace("512", "-1"), "line 2, key 'input_length': '-1' is not"),
        (make_line(1, [0]).replace("[0]", '["a"]'), "line 2, key 'hash_ids': not a list"),
        (make_line(1, [0]).replace('"timestamp": 1', '"timestamp": true'), "key 'timestamp'"),
    ],
)
def test_mooncake__names_the_place_of_a_bad_line(landed, write_file, line, place):
    path = write_file("t.jsonl", make_line(0, [0]), line)
    with pytest.raises(InputError) as caught:
        landed.run("mooncake", [path])
    assert str(path) in str(caught.value)
    assert place in str(caught.value)

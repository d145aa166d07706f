"""Random changes of bytes and of JSON, repeatable by their seed."""

from __future__ import annotations

import random
from typing import Any

import orjson

_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 1.5, 1e308, "", "x", "{", '{"a":1}', "[1]", "user", "429", "\u0000",
    "9" * 30, "2026-11-02 10:00:00", [], {}, [None], [[]], {"": {}}, {"parts": [{}]},
    {"role": "user", "content": [1]}, {"intValue": {}}, {"arrayValue": {"values": "x"}},
)  # fmt: skip
_BYTES = (
    b"\x00",
    b"\xff",
    b"\n",
    b'"',
    b"{",
    b"}",
    b"\\",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\xed\xa0\x80",
)


def mutate(chance: random.Random, seeds: list[bytes], is_json: bool) -> bytes:
    """Return one of the seeds with a few changes."""
    data = chance.choice(seeds)
    for _ in range(chance.randint(1, 4)):
        if is_json and chance.random() < 0.7:
            data = _change_json(chance, data, seeds)
        else:
            data = _change_bytes(chance, data)
    return data


def _change_bytes(chance: random.Random, data: bytes) -> bytes:
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((1, 2, 8, 64, 1024)))
    match chance.randrange(6):
        case 0:
            return data[:start] + chance.choice(_BYTES) + data[start:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:end] + data[start:end] + data[end:]
        case 3:
            return data[:start]
        case 4:
            return data[:start] + chance.randbytes(end - start) + data[end:]
        case _:
            if start == len(data):
                return data
            return (
                data[:start] + bytes([data[start] ^ (1 << chance.randrange(8))]) + data[start + 1 :]
            )


def _change_json(chance: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    try:
        value = orjson.loads(lines[place])
        if chance.random() < 0.2:
            other = orjson.loads(chance.choice(chance.choice(seeds).split(b"\n")))
        else:
            other = chance.choice(_VALUES)
        lines[place] = orjson.dumps(_replace(chance, value, other))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return data
    if chance.random() < 0.2:
        lines.append(chance.choice(lines))
    return b"\n".join(lines)


def _replace(chance: random.Random, value: Any, other: Any) -> Any:
    """Return the value with one place inside it replaced, left out or doubled."""
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.random() < 0.8:
        try:
            return orjson.dumps(_replace(chance, orjson.loads(value), other)).decode()
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return other
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        if chance.random() < 0.1:
            return {key: item for key, item in value.items() if key != name}
        if chance.random() < 0.05:
            return {**value, chance.choice(("extra", "", name.upper(), "log", "span")): other}
        return {**value, name: _replace(chance, value[name], other)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        if chance.random() < 0.15:
            return [*value, value[place]]
        return [*value[:place], _replace(chance, value[place], other), *value[place + 1 :]]
    return other

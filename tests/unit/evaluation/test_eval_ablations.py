from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from stillwatch.errors import InputError
from stillwatch.evaluation.ablations import Ablation, blank_fields
from stillwatch.sources.aws_bedrock_invocation import BedrockInvocationAdapter
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.simulate import write


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    write(load_world("tiny"), tmp_path / "landing", tmp_path / "truth")
    return tmp_path / "landing"


def read_lines(landing: Path, pattern: str) -> list[bytes]:
    return [
        line
        for path in sorted(landing.glob(pattern))
        for line in gzip.decompress(path.read_bytes()).split(b"\n")
    ]


def read_records(landing: Path, pattern: str) -> list[dict[str, Any]]:
    records = []
    for line in read_lines(landing, pattern):
        try:
            records.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue
    return records


NATIVE, BEDROCK, PEOPLE = "usage/native_api/*/*", "usage/bedrock/*/*", "accounts/*/*/*"


@pytest.mark.parametrize(
    ("ablation", "usage", "registry"),
    [
        (
            Ablation.ADDRESSES,
            {"client_ip", "client_country", "ja4", "header_order_hash"},
            {"signup_ip", "signup_country", "signup_ja4"},
        ),
        (
            Ablation.PAYMENT,
            set(),
            {"payment_instrument", "payment_bin", "payment_type", "billing_country"},
        ),
        (Ablation.TEXT, {"prompt", "system_prompt"}, {"declared_use"}),
    ],
)
def test_blank_fields__takes_out_the_fields_and_nothing_else(
    landing: Path, ablation: Ablation, usage: set[str], registry: set[str]
) -> None:
    before = {name: read_records(landing, name) for name in (NATIVE, PEOPLE)}
    line_count = len(read_lines(landing, NATIVE))
    assert blank_fields(landing, ablation) > 0
    assert len(read_lines(landing, NATIVE)) == line_count
    for name, fields in ((NATIVE, usage), (PEOPLE, registry)):
        expected = [{k: v for k, v in row.items() if k not in fields} for row in before[name]]
        assert read_records(landing, name) == expected
    if usage:
        assert any(usage & set(row) for row in before[NATIVE])


def test_blank_fields__without_text_the_adapter_finds_none_in_bedrock_logs(landing: Path) -> None:
    adapter = BedrockInvocationAdapter()

    def list_prompts() -> list[Any]:
        rows = read_records(landing, BEDROCK)
        mapped = [adapter.map_record(row) for row in rows if "requestId" in row]
        return [each[name] for each in mapped for name in ("prompt", "system_prompt")]

    assert any(list_prompts())
    blank_fields(landing, Ablation.TEXT)
    assert not any(list_prompts())


def test_blank_fields__broken_lines_stay_broken(landing: Path) -> None:
    def count_broken() -> int:
        lines = [line for line in read_lines(landing, "usage/*/*/*") if line]
        return len(lines) - len(read_records(landing, "usage/*/*/*"))

    before = count_broken()
    assert before > 0
    blank_fields(landing, Ablation.TEXT)
    assert count_broken() == before


def test_blank_fields__refuses_formats_it_cannot_rewrite(landing: Path) -> None:
    about = landing / "usage" / "bedrock" / "source.yml"
    about.write_text(about.read_text().replace("aws_bedrock_invocation", "otel_genai"))
    with pytest.raises(InputError, match="'otel_genai' cannot be written without any text"):
        blank_fields(landing, Ablation.TEXT)

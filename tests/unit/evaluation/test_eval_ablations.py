from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.evaluation.ablation_edits import KNOWN_FORMATS
from stillwatch.evaluation.ablations import Ablation, blank_fields
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_day
from stillwatch.worlds.model import FileKind, Format, deliver_as
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.simulate import write

ADDRESS_COLUMNS = {
    "client_ip", "ip_hex", "ip_token", "ip_net_token", "client_country", "ja4",
    "client_token",  # made of JA4 and header order, too: known without them, but another one
}  # fmt: skip
TEXT_COLUMNS = {
    "has_text", "prompt_char_count", "prompt_word_count", "prompt_fp", "prefix_fp_8",
    "prefix_fp_16", "prefix_fp_32", "suffix_fp_6", "suffix_fp_12", "system_fp", "minhash_bands",
    "technique_codes", "capability_code", "language_code",
}  # fmt: skip
# One kind of file for each way in which files are rewritten.
DELIVERIES: list[tuple[Format, FileKind]] = [
    ("native", "jsonl"),
    ("native", "parquet"),
    ("aws_bedrock_invocation", "gzip"),
    ("gcp_vertex_request_response", "gzip"),
    ("gcp_vertex_request_response", "parquet"),
    ("azure_openai_diagnostic", "gzip"),
    ("otel_genai", "zstd"),
    ("litellm_spend", "gzip"),
]


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


@pytest.fixture(scope="module", params=DELIVERIES, ids="-".join)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Format]:
    """A day of the tiny world in one format, and which."""
    wanted, kind = request.param
    root = tmp_path_factory.mktemp("whole")
    world = replace(load_world("tiny"), days=1)
    write(deliver_as(world, wanted, kind), root / "landing", root / "truth")
    return root, wanted


def ingest(root: Path) -> tuple[pa.Table, int]:
    """Return the exchanges of the first day, by id, and how many records were quarantined."""
    key = root / "deployment.key"
    key.write_text("5e" * 32)
    key.chmod(0o600)
    settings = Settings(
        home=root / "home", landing_uri=str(root / "landing"), config=root / "c", key_file=key
    )
    results = ingest_day(settings, load_world("tiny").first_day)
    paths = sorted((root / "home/canonical/exchanges").glob("dt=*/source=*/*.parquet"))
    tables = [pq.ParquetFile(path).read() for path in paths]
    whole = pa.concat_tables(tables).sort_by(
        [("source_id", "ascending"), ("exchange_id", "ascending")]
    )
    return whole, sum(result.quarantined_count for result in results)


def test_blank_fields__in_every_format_the_ingest_misses_these_fields_and_no_others(
    whole: tuple[Path, Format], tmp_path: Path
) -> None:
    root, wanted = whole
    before, quarantined = ingest(root)
    assert before.num_rows > 200
    for ablation, columns in (
        (Ablation.ADDRESSES, ADDRESS_COLUMNS),
        (Ablation.TEXT, TEXT_COLUMNS),
    ):
        shutil.copytree(root / "landing", tmp_path / ablation / "landing")
        blank_fields(tmp_path / ablation / "landing", ablation)
        after, still_quarantined = ingest(tmp_path / ablation)
        assert still_quarantined == quarantined
        for name in before.column_names:
            values = set(map(str, after[name].to_pylist()))
            if name not in columns:
                assert after[name].equals(before[name]), name
            elif name == "has_text":
                assert values == {"False"}
            elif name != "client_token":
                assert values == {"None"}, name
        shown = [name for name in columns if before[name].null_count < before.num_rows]
        never = wanted in ("aws_bedrock_invocation", "gcp_vertex_request_response")
        assert bool(shown) is not (never and ablation is Ablation.ADDRESSES), shown


def test_known_formats__are_all_that_worlds_can_be_written_in() -> None:
    assert set(get_args(Format)) == KNOWN_FORMATS == {wanted for wanted, _ in DELIVERIES}


def test_blank_fields__without_a_registry_no_account_is_described(landing: Path) -> None:
    usage = read_lines(landing, "usage/*/*/*")
    blank_fields(landing, Ablation.REGISTRY)
    assert not list(landing.glob("accounts/**/*"))
    assert read_lines(landing, "usage/*/*/*") == usage


def test_blank_fields__without_signup_details_an_account_keeps_id_dates_and_status(
    landing: Path,
) -> None:
    blank_fields(landing, Ablation.SIGNUP)
    kept = {name for row in read_records(landing, PEOPLE) for name in row}
    assert kept == {"account_id", "created_at", "status", "closed_at", "banned_at", "ban_reason"}


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
    about.write_text(about.read_text().replace("aws_bedrock_invocation", "syslog"))
    with pytest.raises(InputError, match=r"'syslog' of .* cannot be written without any text"):
        blank_fields(landing, Ablation.TEXT)


def test_blank_fields__refuses_files_it_cannot_rewrite(landing: Path) -> None:
    (landing / "usage" / "bedrock" / "dt=2026-11-01" / "part-9.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"cannot rewrite \.csv"):
        blank_fields(landing, Ablation.TEXT)

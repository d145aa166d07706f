"""Which sources there are."""

from __future__ import annotations

from typing import Any

import pytest

from stillwatch.errors import ConfigError
from stillwatch.sources.registry import Source, find_source, find_sources

BEDROCK = {"schemaType": "ModelInvocationLog", "timestamp": "2026-11-02T10:00:00Z"}


def configure(desk: Any, text: str) -> None:
    folder = desk.settings.config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.yml").write_text(text)


def test_find_sources__is_empty_without_config_and_landing(desk: Any) -> None:
    assert find_sources(desk.settings) == []


def test_find_sources__discovers_folders_and_sniffs_their_format(desk: Any) -> None:
    desk.land([BEDROCK], source="cloud", name="a.jsonl.gz")
    desk.land([desk.exchange()], source="gateway")
    desk.land([desk.account()], kind="accounts", source="people")
    found = find_sources(desk.settings)
    assert [(s.source_id, s.platform, s.format) for s in found] == [
        ("cloud", "cloud", "aws_bedrock_invocation"),
        ("gateway", "gateway", "native"),
        ("people", "people", "native"),
    ]


def test_find_sources__sniffs_past_a_broken_first_file(desk: Any) -> None:
    desk.land(b"\x1f\x8bbroken", source="cloud", name="a.jsonl.gz")
    desk.land(b"not json\n" + b'{"schemaType":"ModelInvocationLog"}\n', source="cloud")
    assert find_source(desk.settings, "cloud").format == "aws_bedrock_invocation"


def test_find_sources__lets_a_folder_describe_itself(desk: Any) -> None:
    desk.land([desk.exchange()], source="cloud")
    (desk.landing / "usage/cloud/source.yml").write_text("platform: native\nmin_rows: 5\n")
    source = find_source(desk.settings, "cloud")
    assert (source.platform, source.format, source.min_rows) == ("native", "native", 5)


def test_find_sources__a_folder_may_say_more_of_itself_than_is_asked(
    desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    desk.land([desk.exchange()], source="cloud")
    path = desk.landing / "usage/cloud/source.yml"
    path.write_text("id: cloud\nregion: eu\nplatform: native\n7: x\n")
    assert find_source(desk.settings, "cloud").platform == "native"
    assert "source.yml: not used: 7, id, region (known are platform, format" in caplog.text
    path.write_text("platform: native\nmin_rows: many\n")
    with pytest.raises(ConfigError, match=r"usage/cloud/source\.yml: min_rows"):
        find_source(desk.settings, "cloud")


def test_find_sources__reads_entries_and_does_not_find_their_folders_twice(desk: Any) -> None:
    desk.land([desk.exchange()], source="folder_x")
    configure(
        desk,
        "sources:\n- id: gate\n  platform: native\n  format: native\n  location: usage/folder_x\n"
        "  min_rows: 1\n  max_rows: 9\n  licence: contract\n",
    )
    assert find_sources(desk.settings) == [
        Source(
            "gate", "native", "native", "usage/folder_x", "accounts/gate",
            min_rows=1, max_rows=9, licence="contract",
            required_kinds=frozenset({"usage"}),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources:\n- id: a\n  platfrom: x\n", "platfrom"),
        ("sources:\n- platform: x\n", "sources.0.id"),
        ("sources:\n- id: a b\n", "sources.0.id"),
        ("sources:\n- id: a\n  format: csv\n", "'csv' is none of"),
        ("sources:\n- id: a\n  min_rows: many\n", "sources.0.min_rows"),
        ("sources:\n- id: a\n  min_rows: 9\n  max_rows: 1\n", "min_rows 9 is above max_rows 1"),
        ("sources:\n- id: a\n- id: a\n", "'a' stands twice"),
        ("sources:\n- id: a\n  location: ../secret\n", "below the landing root"),
        ("sources:\n- id: a\n  day_folder: '%Y/%m'\n", "sources.0.day_folder"),
        ("sources:\n- id: a\n  day_folder: '../%Y/%m/%d'\n", "sources.0.day_folder"),
        ("feeds: []\n", "feeds"),
        ("sources: [\n", "is not YAML"),
    ],
)
def test_find_sources__names_file_and_key_of_a_mistake(desk: Any, text: str, words: str) -> None:
    configure(desk, text)
    with pytest.raises(ConfigError, match=r"sources\.yml") as error:
        find_sources(desk.settings)
    assert words in str(error.value)


def test_find_sources__refuses_a_folder_name_that_cannot_be_an_id(desk: Any) -> None:
    desk.land([desk.exchange()], source="my source")
    with pytest.raises(ConfigError, match="my source"):
        find_sources(desk.settings)


def test_find_source__lists_the_known_ones(desk: Any) -> None:
    desk.land([desk.exchange()], source="gateway")
    with pytest.raises(ConfigError, match="known are gateway"):
        find_source(desk.settings, "gatway")

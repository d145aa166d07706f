"""Deliveries in the folders and under the names that cloud platforms give them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from stillwatch.landing.storage import Landing
from stillwatch.sources.day_folders import list_days

DAY = date(2026, 11, 2)
BEDROCK = "aws/AWSLogs/123456789012/BedrockModelInvocationLogs/eu-west-1"
AZURE = "azure/resourceId=/SUBSCRIPTIONS/1/PROVIDERS/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/MAIN"


def configure(desk: Any, location: str, day_folder: str, more: str = "") -> None:
    desk.settings.config.mkdir(parents=True, exist_ok=True)
    (desk.settings.config / "sources.yml").write_text(
        f"sources:\n- id: cloud\n  location: {location}\n  day_folder: {day_folder}\n{more}"
    )


def land(desk: Any, name: str, *numbers: int) -> Path:
    path: Path = desk.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(desk.exchange(n)) + b"\n" for n in numbers))
    return path


def test_ingest__reads_the_hours_of_a_bedrock_delivery(desk: Any) -> None:
    configure(desk, BEDROCK, "'%Y/%m/%d'")
    land(desk, f"{BEDROCK}/2026/11/02/09/20261102T090000000Z_a1.json", 1, 2)
    land(desk, f"{BEDROCK}/2026/11/02/23/20261102T230000000Z_b2.json", 3)
    land(desk, f"{BEDROCK}/2026/11/02/23/data/request_input.json", 7)  # a body, no log
    land(desk, f"{BEDROCK}/2026/11/03/00/20261103T000000000Z_c3.json", 4)
    result = desk.ingest(source="cloud")
    assert (result.state, result.accepted_count) == ("complete", 3)
    assert [file.file_name for file in result.files] == [
        f"{BEDROCK}/2026/11/02/09/20261102T090000000Z_a1.json",
        f"{BEDROCK}/2026/11/02/23/20261102T230000000Z_b2.json",
    ]


def test_ingest__reads_the_hours_of_an_azure_delivery(desk: Any) -> None:
    configure(desk, AZURE, "y=%Y/m=%m/d=%d")
    land(desk, f"{AZURE}/y=2026/m=11/d=02/h=00/m=00/PT1H.json", 1)
    land(desk, f"{AZURE}/y=2026/m=11/d=02/h=13/m=00/PT1H.json", 2, 3)
    assert desk.ingest(source="cloud").accepted_count == 3


def test_ingest__the_registry_keeps_its_own_folders(desk: Any) -> None:
    configure(desk, BEDROCK, "'%Y/%m/%d'", "  accounts_location: accounts/cloud\n")
    desk.land([desk.account()], kind="accounts", source="cloud")
    assert desk.ingest_accounts(source="cloud").accepted_count == 1


def test_ingest__says_which_folders_it_does_not_read(
    desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    desk.land([desk.exchange(1)])
    land(desk, f"usage/native/dt={DAY}/eu/part.jsonl", 2)
    assert desk.ingest().accepted_count == 1
    assert f"usage/native/dt={DAY}: the folders eu are not read" in caplog.text


def test_list_days__finds_the_days_of_a_layout_and_nothing_else(tmp_path: Path) -> None:
    for name in ("2026/11/02", "2026/11/10", "2026/1/03", "2026/13/01", "2025/12/31", "2026/11/x"):
        (tmp_path / "logs" / name).mkdir(parents=True)
    (tmp_path / "logs/dt=2026-11-02").mkdir()
    landing = Landing(str(tmp_path))
    assert list_days(landing, "logs", "%Y/%m/%d") == [date(2025, 12, 31), DAY, date(2026, 11, 10)]
    assert list_days(landing, "logs", "dt=%Y-%m-%d") == [DAY]
    assert list_days(landing, "absent", "%Y/%m/%d") == []


def test_find_sources__recognises_a_format_in_folders_of_its_own(desk: Any) -> None:
    configure(desk, BEDROCK, "'%Y/%m/%d'")
    path = land(desk, f"{BEDROCK}/2026/11/02/09/log.json")
    path.write_bytes(b'{"schemaType":"ModelInvocationLog"}\n')
    assert desk.ingest(source="cloud").source.format == "aws_bedrock_invocation"

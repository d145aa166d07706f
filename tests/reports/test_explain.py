"""`stillwatch explain` on the small snapshot: what it prints, and what it says of wrong ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sample_snapshot import DAY, write_home

from stillwatch.cli import cli
from stillwatch.errors import InputError
from stillwatch.settings import get_settings

CAMPAIGN = "SW-0052"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    write_home(folder, campaigns=(CAMPAIGN,), member_scale=0.3)
    return folder


@pytest.fixture(autouse=True)
def _settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_home(home, monkeypatch)
    yield
    get_settings.cache_clear()


def use_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLWATCH_HOME", str(folder))
    get_settings.cache_clear()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["explain", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def read_json(*arguments: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return value


def get_member() -> str:
    found = read_json("campaign", CAMPAIGN)
    assert found["state"]["account_count"] == 27
    result = CliRunner().invoke(
        cli,
        ["query", "select min(account_key) from bridge_campaign_accounts", "--format", "csv"],
        catch_exceptions=False,
    )
    return result.output.split()[-1]


def test_campaign__posterior_without_a_family_is_the_posterior_less_its_weight() -> None:
    found = read_json("campaign", CAMPAIGN)
    weights = {
        row["family"]: row["log10_likelihood_ratio"] / 0.30103
        for row in [*found["evidence"], *found["counter_evidence"]]
    }
    assert set(weights) == {"shared_attributes", "reasoning", "tenure"}
    for row in found["without"]:
        expected = found["posterior_bits"] - weights[row["family"]]
        assert row["posterior_bits"] == pytest.approx(expected, abs=1e-3)
    least = min(found["without"], key=lambda row: row["campaign_probability"])
    assert least["family"] == "shared_attributes"  # the heaviest
    assert (least["campaign_probability"], least["likelihood_term"]) == (
        pytest.approx(0.01),  # the lower bound of what is said
        "almost no chance",
    )


def test_campaign__families_without_a_row_are_named_with_the_fields_they_need() -> None:
    missing = {
        row["family"]: row["data_fields"]
        for row in read_json("campaign", CAMPAIGN)["not_available"]
    }
    assert "reasoning" not in missing
    assert "established_members" not in missing  # a penalty, not something to be measured
    assert missing["network"] == ["client_country", "client_ip"]


def test_campaign__tables_name_every_part_and_send_no_control_codes() -> None:
    text = run("campaign", CAMPAIGN)
    for part in (
        "Ledger, in bits",
        "What was measured, heaviest first",
        "What speaks against it",
        "Not available",
        "Nearest cleared group",
        "None of the campaign's size was let go on this day.",
        "Indicators of the joint advisory AA26-251A",
        "○ not observable",
        "not measured",
    ):
        assert part in text.replace("\n", " "), part
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 140


def test_campaign__texts_from_logs_cannot_steer_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_home(
        tmp_path, campaigns=(CAMPAIGN,), member_scale=0.1, hostile="a\x1b[2Jb [bold]c[/nothing]"
    )
    use_home(tmp_path, monkeypatch)
    text = run("campaign", CAMPAIGN)
    assert "\x1b" not in text
    assert "[bold]" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("campaign", "SW-0051"), r"no campaign 'SW-0051'. The snapshot has 1 campaigns: SW-0052"),
        (("campaign", CAMPAIGN, "--as-of", "2026-01-01"), "3 days, 2026-11-05 to 2026-11-12"),
        (("account", "acct_0"), "427 scored accounts by key: "),
        (("account", "acct_%"), "no account 'acct_%'"),
    ],
)
def test_explain__an_error_says_what_there_is(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(*arguments)


def test_account__ledger_links_and_membership_of_a_member() -> None:
    key = get_member()
    found = read_json("account", key)
    assert found["state"]["account_key"] == key
    assert found["prior_bits"] == -7.7
    assert found["own_bits"] == pytest.approx(0.6 / 0.30103 + 7.7, abs=1e-3)
    assert found["group_bits"] == pytest.approx(2.0 / 0.30103, abs=1e-3)
    (membership,) = found["memberships"]
    assert membership["campaign_id"] == CAMPAIGN
    assert 0.5 < membership["membership_probability"] < 1
    assert membership["was_in_cluster"] is False  # the sample holds no clusters
    assert {link["shared"] for link in found["links"]} <= {
        "first 16 words of the prompt after masking",
        "card number range with the pattern of the e-mail address",
        "sign-up day, path and network",
        "client fingerprint",
    }
    text = run("account", key)
    assert f"Account {key} as of {DAY}" in text
    assert f"a suspected member of campaign {CAMPAIGN}" in text.replace("\n", " ")


def test_account__may_be_named_by_key_beginning_of_key_id_or_platform_and_id() -> None:
    key = get_member()
    state = read_json("account", key)["state"]
    names = (key[:8], state["account_id"], f"{state['platform']}:{state['account_id']}")
    assert [read_json("account", name)["state"]["account_key"] for name in names] == [key] * 3


def test_account__outside_campaigns_is_said_to_be_in_none(home: Path) -> None:
    result = CliRunner().invoke(
        cli,
        ["query", "select min(account_key) from fct_account_scores where campaign_id is null",
         "--format", "csv"],
        catch_exceptions=False,
    )  # fmt: skip
    text = run("account", result.output.split()[-1])
    assert "in no campaign" in text
    assert "It is a member of no campaign." in text

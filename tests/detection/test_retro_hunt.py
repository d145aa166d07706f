"""Indicators that come in later are searched for in the past, and the past does not change."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from retro_home import Listed, Use, build_hunts, write_feed_day, write_uses, write_version

import stillwatch.settings
from stillwatch.cli import hunt as hunt_verb
from stillwatch.errors import InputError, WarehouseError
from stillwatch.feeds.registry import Marking
from stillwatch.keyed import Keyer
from stillwatch.project import get_project_root
from stillwatch.runs import Paths, get_paths
from stillwatch.settings import Settings
from stillwatch.warehouse.duckdb import open_build
from stillwatch.warehouse.hunt import HuntOrder, hunt, read_receipts
from stillwatch.warehouse.sought import HUNTED_IDENTIFIERS, read_sought
from stillwatch.warehouse.uses import export_uses

LONG_AGO = date(2025, 12, 2)
DAYS = {n: date(2026, 11, n) for n in range(1, 8)}
JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"

USES = [
    Use("old", LONG_AGO, LONG_AGO, "192.0.2.200"),
    Use("four", DAYS[2], DAYS[2], "192.0.2.10", ja4=JA4),
    Use("four", DAYS[2], DAYS[2], "192.0.2.11"),
    Use("six", DAYS[2], DAYS[2], "2001:db8:0:1::5"),
    Use("above", DAYS[2], DAYS[2], "192.0.3.0"),  # the first address after the listed network
    Use("between", DAYS[2], DAYS[2], "2001:db8:1::"),  # likewise
    Use("expired", DAYS[3], DAYS[3], "198.51.100.7"),
    Use("four", DAYS[5], DAYS[5], "192.0.2.10"),
    Use("late_known", DAYS[2], DAYS[6], "192.0.2.12"),
    Use("late_expired", DAYS[2], DAYS[6], "198.51.100.9"),
    Use("late_expired", DAYS[3], DAYS[6], "198.51.100.9"),
    Use("quiet", DAYS[7], DAYS[7], "203.0.113.250"),
]
DOMAINS = {"four": "mail.example", "six": "throwaway.example", "above": "mail.example"}
ORDER = [LONG_AGO, *(DAYS[n] for n in (2, 3, 5, 6, 7))]

Row = tuple[Any, ...]


@dataclass(frozen=True)
class World:
    settings: Settings
    paths: Paths
    matches_after: dict[date, list[Row]]  # every row of the mart after each day's first run

    def query(self, sql: str) -> list[Row]:
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(sql).fetchall()

    def find(self, matched: date, kind: str) -> set[Row]:
        return set(
            self.query(
                "select account_key, activity_date, indicator_key, exchange_count "
                f"from marts.fct_indicator_matches where matched_date = date '{matched}' "
                f"and match_kind = '{kind}'"
            )
        )


def list_all(paths: Paths) -> list[Row]:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return connection.execute(
            "select * from marts.fct_indicator_matches order by all"
        ).fetchall()


def write_feeds(paths: Paths) -> None:
    until_day_2 = datetime(2026, 11, 3, 0, tzinfo=UTC)
    first = write_version(
        paths,
        "hosting",
        DAYS[2],
        [
            Listed("203.0.113.0/25"),
            Listed("198.51.100.0/24", valid_until=until_day_2),
        ],
    )
    second = write_version(
        paths,
        "hosting",
        DAYS[5],
        [
            Listed("203.0.113.0/25"),
            Listed("192.0.2.0/24"),
            Listed("2001:db8::/48", "ipv6_cidr"),
            Listed(JA4, "ja4"),
            # listed anew, and over before the day ends
            Listed("198.51.100.0/25", valid_until=datetime(2026, 11, 5, 12, tzinfo=UTC)),
            # listed today, and its source says that it was bad a year ago already
            Listed("192.0.2.200/32", valid_from=datetime(2025, 11, 1, tzinfo=UTC)),
        ],
    )
    third = write_version(paths, "hosting", DAYS[6], [Listed("203.0.113.0/25")])
    fourth = write_version(
        paths, "hosting", DAYS[7], [Listed("203.0.113.0/25"), Listed("192.0.2.0/24")]
    )
    tor = write_version(paths, "tor", DAYS[5], [Listed("192.0.2.8/29")])
    mail = write_version(paths, "mail", DAYS[5], [Listed("throwaway.example", "email_domain")])
    write_feed_day(paths, DAYS[2], {"hosting": first})
    write_feed_day(paths, DAYS[3], {"hosting": first})
    write_feed_day(paths, DAYS[5], {"hosting": second, "tor": tor, "mail": mail})
    write_feed_day(paths, DAYS[6], {"hosting": third, "tor": tor, "mail": mail})
    write_feed_day(paths, DAYS[7], {"hosting": fourth, "tor": tor, "mail": mail})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("retro")
    settings = Settings(home=home, config=home / "config")
    paths = get_paths(settings)
    write_uses(paths, USES, DOMAINS)
    write_feeds(paths)
    after = {}
    for day in ORDER:
        build_hunts(settings, paths, day)
        after[day] = list_all(paths)
    with open_build(settings, paths) as connection:
        export_uses(connection, paths, DAYS[7])
    return World(settings, paths, after)


def test_retro_hunt__an_indicator_of_day_5_matches_use_of_day_2_in_both_families(
    world: World,
) -> None:
    found = world.find(DAYS[5], "retro")
    assert ("four", DAYS[2], "hosting:192.0.2.0/24", 2) in found
    assert ("six", DAYS[2], "hosting:2001:db8::/48", 1) in found
    assert ("four", DAYS[2], f"hosting:{JA4}", 1) in found
    assert ("six", DAYS[2], "mail:throwaway.example", 1) in found


def test_retro_hunt__finds_nothing_else(world: World) -> None:
    assert {row[:3] for row in world.find(DAYS[5], "retro")} == {
        ("four", DAYS[2], "hosting:192.0.2.0/24"),
        ("four", DAYS[2], "tor:192.0.2.8/29"),
        ("four", DAYS[2], f"hosting:{JA4}"),
        ("six", DAYS[2], "hosting:2001:db8::/48"),
        ("six", DAYS[2], "mail:throwaway.example"),
        ("old", LONG_AGO, "hosting:192.0.2.200/32"),
    }


def test_retro_hunt__overlapping_ranges_of_several_feeds_each_match(world: World) -> None:
    found = {row[2] for row in world.find(DAYS[5], "retro") if row[0] == "four"}
    assert {"hosting:192.0.2.0/24", "tor:192.0.2.8/29"} <= found


def test_retro_hunt__use_of_the_same_day_is_live(world: World) -> None:
    assert world.find(DAYS[5], "live") == {
        ("four", DAYS[5], "hosting:192.0.2.0/24", 1),
        ("four", DAYS[5], "tor:192.0.2.8/29", 1),
    }


def test_retro_hunt__age_and_validity_say_how_far_a_match_can_be_trusted(world: World) -> None:
    rows = world.query(
        "select account_key, activity_date, known_date, age_days, is_in_validity "
        "from marts.fct_indicator_matches where match_kind = 'retro' and matched_date = "
        f"date '{DAYS[5]}' and label = 'hosting'"
    )
    assert ("four", DAYS[2], DAYS[5], 3, False) in rows
    assert ("old", LONG_AGO, DAYS[5], (DAYS[5] - LONG_AGO).days, True) in rows


def test_retro_hunt__expired_and_revoked_indicators_match_nothing(world: World) -> None:
    keys = {row[2] for day in ORDER for row in world.find(day, "retro")}
    assert not any(key.startswith("hosting:198.51.100") for key in keys)
    assert world.find(DAYS[3], "live") == set()  # used on day 3, listed until day 2


def test_late_data__is_matched_by_what_is_known_now_and_by_what_held_then(world: World) -> None:
    """Delivered on day 6: one network is listed no more, the other expired after day 2."""
    assert world.find(DAYS[6], "live") == {
        ("late_known", DAYS[2], "tor:192.0.2.8/29", 1),
        ("late_expired", DAYS[2], "hosting:198.51.100.0/24", 1),
    }


def test_retro_hunt__an_indicator_that_comes_back_finds_only_what_is_new(world: World) -> None:
    assert world.find(DAYS[7], "retro") == {
        ("late_known", DAYS[2], "hosting:192.0.2.0/24", 1),
        ("old", LONG_AGO, "hosting:192.0.2.0/24", 1),
    }
    assert world.query(
        "select match_count, known_match_count, indicator_count from marts.fct_retro_hunts "
        f"where hunt_date = date '{DAYS[7]}' and feed_id = 'hosting'"
    ) == [(2, 2, 1)]


def test_retro_hunt__rows_of_past_days_do_not_change(world: World) -> None:
    final = world.matches_after[DAYS[7]]
    names = [name for name, *_ in world.query("describe marts.fct_indicator_matches")]
    place = names.index("matched_date")
    for day, rows in world.matches_after.items():
        assert [row for row in final if row[place] <= day] == rows, day


def test_receipt__says_what_was_searched_where_and_with_what_result(world: World) -> None:
    rows = world.query(
        "select feed_id, indicator_type, active_indicator_count, indicator_count, searched_from, "
        "searched_until, held_day_count, missing_day_count, use_count, match_count, account_count "
        f"from marts.fct_retro_hunts where hunt_date = date '{DAYS[5]}' order by all"
    )
    searched = (date(2025, 10, 1), date(2026, 11, 4), 3, 397)
    assert rows == [
        ("hosting", "ipv4_cidr", 3, 2, *searched, 7, 2, 2),
        ("hosting", "ipv6_cidr", 1, 1, *searched, 7, 1, 1),
        ("hosting", "ja4", 1, 1, *searched, 1, 1, 1),
        ("mail", "email_domain", 1, 1, *searched, 3, 1, 1),
        ("tor", "ipv4_cidr", 1, 1, *searched, 7, 1, 1),
    ]


def test_receipt__names_the_days_that_hold_nothing(world: World) -> None:
    ((text,),) = world.query(
        "select distinct missing_dates from marts.fct_retro_hunts "
        f"where hunt_date = date '{DAYS[5]}'"
    )
    assert json.loads(text) == [
        "2025-10-01/2025-12-01",
        "2025-12-03/2026-11-01",
        "2026-11-04/2026-11-04",
    ]


def test_receipt__is_left_where_nothing_was_found_or_sought(world: World) -> None:
    rows = world.query(
        "select indicator_count, use_count, match_count from marts.fct_retro_hunts "
        f"where hunt_date in (date '{DAYS[2]}', date '{DAYS[3]}') order by hunt_date"
    )
    assert rows == [(2, 1, 0), (0, 0, 0)]


@pytest.fixture
def keyer() -> Keyer:
    return Keyer(bytes(32))


def order(indicator: str, **changes: Any) -> HuntOrder:
    values: dict[str, Any] = {
        "indicator": indicator,
        "indicator_type": None,
        "first": None,
        "last": None,
        "marking": Marking.GREEN,
        "asked_by": "analyst",
        "reason": None,
    }
    return HuntOrder(**{**values, **changes})


NOW = datetime(2026, 11, 8, 9, 30, tzinfo=UTC)


def test_hunt__finds_use_of_a_network_by_account_and_day(world: World) -> None:
    matches, receipt = hunt(world.settings, order("192.0.2.0/28"), NOW)
    assert [(m.account_key, m.activity_date, m.value_count, m.exchange_count) for m in matches] == [
        ("four", DAYS[2], 2, 2),
        ("four", DAYS[5], 1, 1),
        ("late_known", DAYS[2], 1, 1),
    ]
    assert (receipt.searched_from, receipt.searched_until) == ("2025-12-02", "2026-11-07")
    assert (receipt.account_count, receipt.exchange_count) == (2, 4)
    assert (receipt.value, receipt.asked_at) == ("192.0.2.0/28", "2026-11-08T09:30:00+00:00")


def test_hunt__while_a_run_holds_the_build(world: World) -> None:
    with open_build(world.settings, world.paths):
        matches, _ = hunt(world.settings, order("2001:db8::/48", first=DAYS[2]), NOW)
    assert [match.account_key for match in matches] == ["six"]


def test_hunt__leaves_a_receipt_where_nothing_was_found(world: World) -> None:
    first = DAYS[2]
    matches, receipt = hunt(world.settings, order("203.0.113.77", first=first, last=DAYS[5]), NOW)
    assert matches == []
    assert (receipt.match_count, receipt.use_count) == (0, 10)
    assert receipt.missing_dates == ("2026-11-04/2026-11-04",)
    assert receipt in read_receipts(world.settings)


@pytest.mark.parametrize("marking", [Marking.AMBER_STRICT, Marking.RED])
def test_hunt__a_strictly_marked_value_stands_nowhere_in_the_receipt(
    world: World, marking: Marking
) -> None:
    _, receipt = hunt(world.settings, order("throwaway.example", marking=marking), NOW)
    text = (world.paths.ledger / "hunts" / f"{receipt.receipt_id}.json").read_text()
    assert "throwaway" not in text
    assert receipt.account_count == 1
    _, open_receipt = hunt(world.settings, order("throwaway.example"), NOW)
    assert open_receipt.value_token == receipt.value_token  # both hunts can be told to be one


def test_hunt__a_reason_that_names_a_strictly_marked_value_is_refused(world: World) -> None:
    asked = order(
        "throwaway.example", marking=Marking.RED, reason="is Throwaway.Example among ours?"
    )
    with pytest.raises(InputError, match="--reason names the indicator"):
        hunt(world.settings, asked, NOW)


def test_hunt__the_same_order_finds_the_same_rows(world: World) -> None:
    receipts = [hunt(world.settings, order("mail.example"), NOW)[1] for _ in range(2)]
    assert receipts[0].matches_sha256 == receipts[1].matches_sha256
    assert receipts[0].receipt_id != receipts[1].receipt_id


def test_hunt__without_a_processed_day_says_so(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="there is nothing to search"):
        hunt(Settings(home=tmp_path), order("mail.example"), NOW)


def test_hunt_verb__prints_matches_and_lists_receipts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_HOME", str(world.settings.home))
    stillwatch.settings.get_settings.cache_clear()
    runner = CliRunner()
    try:
        found = runner.invoke(
            hunt_verb.command, ["--indicator", JA4, "--by", "agency liaison", "--format", "csv"]
        )
        listed = runner.invoke(hunt_verb.command, ["--list"])
        both = runner.invoke(hunt_verb.command, ["--list", "--indicator", "x"])
    finally:
        stillwatch.settings.get_settings.cache_clear()
    assert found.exit_code == 0, found.output
    assert "four,2026-11-02,ja4,1,1," in found.output
    assert "agency liaison" in listed.output
    assert "token " in listed.output
    assert both.exit_code == 2


@pytest.mark.parametrize(
    ("text", "kind", "canonical"),
    [
        ("192.0.2.77/24", "ipv4_cidr", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "ipv4_cidr", "192.0.2.7/32"),
        ("2001:DB8::", "ipv6_cidr", "2001:db8::/128"),
        ("as64500", "asn", "64500"),
        ("@Mail.Example.", "email_domain", "mail.example"),
        (JA4, "ja4", JA4),
    ],
)
def test_read_sought__tells_the_type_from_the_form(
    keyer: Keyer, text: str, kind: str, canonical: str
) -> None:
    sought = read_sought(text, None, keyer)
    assert (sought.indicator_type, sought.text) == (kind, canonical)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("400012", None, "could be of several types"),
        ("2001:db8::/48", "ipv4_cidr", "it is an ipv6_cidr"),
        ("192.0.2.0/33", "ipv4_cidr", "write it as"),
        ("4000123456789", "payment_bin", "4 to 8 digits"),
        ("x", "colour", "'colour' is none of"),
        ("AS99999999999", "asn", "write it as AS64500"),
    ],
)
def test_read_sought__refuses_what_it_cannot_read(
    keyer: Keyer, text: str, kind: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_sought(text, kind, keyer)


def test_hunted_identifiers__are_the_same_in_sql_and_python() -> None:
    path = get_project_root() / "dbt_project/macros/hunting/hunted_identifiers.sql"
    found = re.search(r"return\((\{.*?\})\)", path.read_text(), re.DOTALL)
    assert found is not None
    macro = {kind: tuple(names) for kind, names in ast.literal_eval(found[1]).items()}
    assert macro == HUNTED_IDENTIFIERS


# The two below build again: they stand last, so that the tests above see each day's first run.


def test_retro_hunt__a_day_run_again_gives_the_same_rows(world: World) -> None:
    before = world.query("select * from marts.fct_retro_hunts order by all")
    for day in (DAYS[3], DAYS[5]):
        build_hunts(world.settings, world.paths, day)
    assert list_all(world.paths) == world.matches_after[DAYS[7]]
    assert world.query("select * from marts.fct_retro_hunts order by all") == before


def test_retro_hunt__a_version_put_aside_leaves_no_match_of_its_day(world: World) -> None:
    """The list of day 7 is judged again and the version before it counts: its matches go."""
    ledger = world.paths.ledger / "feeds" / f"dt={DAYS[7]}" / "hosting.json"
    record = json.loads(ledger.read_text())
    record["version"] = "2026-11-06T060000Z"
    ledger.write_text(json.dumps(record))
    build_hunts(world.settings, world.paths, DAYS[7])
    assert world.find(DAYS[7], "retro") == set()
    assert world.find(DAYS[5], "retro") != set()

"""Airflow's own connections, asked for in place of the environment."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from stillwatch.errors import ConfigError
from stillwatch.landing.connections import find_connection, get_options, set_lookup
from stillwatch.orchestration.connections import (
    find_airflow_connection,
    use_airflow_connections,
)

CANARY = "canary/0001"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    set_lookup(None)


def test_airflow_connection__comes_with_all_its_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {
        "conn_type": "aws",
        "login": "key",
        "password": CANARY,
        "extra": {"region_name": "eu-west-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_IN_AIRFLOW", json.dumps(value))
    use_airflow_connections({})
    found = find_connection("in_airflow", "a test")
    options = get_options("s3", found, "a test")
    assert (options["key"], options["secret"]) == ("key", CANARY)
    assert options["client_kwargs"] == {"region_name": "eu-west-1"}
    assert CANARY not in repr(found)


def test_airflow_connection__one_that_airflow_does_not_hold_is_named() -> None:
    assert find_airflow_connection("nowhere_at_all") is None
    use_airflow_connections()
    with pytest.raises(ConfigError, match="'nowhere_at_all'"):
        find_connection("nowhere_at_all", "a test")


def test_airflow_connection__without_a_type_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TYPELESS", json.dumps({"password": CANARY}))
    with pytest.raises(ConfigError, match="'typeless' in Airflow has no type") as error:
        find_airflow_connection("typeless")
    assert CANARY not in str(error.value)

"""Connections in Airflow's forms, and what they become for fsspec."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from stillwatch.errors import ConfigError
from stillwatch.landing.connections import (
    find_connection,
    find_family,
    get_options,
    hide_secrets,
    read_from_environment,
    set_lookup,
)

CANARY = "canary/with+odd:chars@0001"


def define(monkeypatch: pytest.MonkeyPatch, value: dict[str, Any] | str) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv("AIRFLOW_CONN_STORE", text)


def map_options(family: str) -> dict[str, Any]:
    options = get_options(family, find_connection("store", "a test"), "a test")
    for name in ("use_listings_cache", "skip_instance_cache", "config_kwargs"):
        options.pop(name, None)
    return options


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(
            {
                "conn_type": "aws",
                "login": "key",
                "password": CANARY,
                "extra": {"endpoint_url": "http://192.0.2.1:9000", "region_name": "eu-west-1"},
            }
        ),
        json.dumps(
            {
                "conn_type": "aws",
                "login": "key",
                "password": CANARY,
                "extra": '{"endpoint_url": "http://192.0.2.1:9000", "region_name": "eu-west-1"}',
            }
        ),
        f"aws://key:{quote(CANARY, safe='')}@/?endpoint_url="
        f"{quote('http://192.0.2.1:9000', safe='')}&region_name=eu-west-1",
        f"aws://key:{quote(CANARY, safe='')}@/?__extra__="
        + quote('{"endpoint_url": "http://192.0.2.1:9000", "region_name": "eu-west-1"}'),
    ],
)
def test_connection__every_airflow_form_gives_the_same_options(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(monkeypatch, text)
    assert map_options("s3") == {
        "key": "key",
        "secret": CANARY,
        "client_kwargs": {"endpoint_url": "http://192.0.2.1:9000", "region_name": "eu-west-1"},
    }


@pytest.mark.parametrize(
    ("family", "value", "options"),
    [
        (
            "s3",
            {"conn_type": "aws", "extra": {"profile_name": "p", "aws_session_token": "t"}},
            {"profile": "p", "token": "t"},
        ),
        (
            "s3",
            {
                "conn_type": "aws",
                "extra": {
                    "aws_access_key_id": "k",
                    "aws_secret_access_key": "s",
                    "service_config": {"s3": {"endpoint_url": "https://s3.example.com"}},
                },
            },
            {
                "key": "k",
                "secret": "s",
                "client_kwargs": {"endpoint_url": "https://s3.example.com"},
            },
        ),
        ("gcs", {"conn_type": "google_cloud_platform"}, {"token": "google_default"}),
        (
            "gcs",
            {
                "conn_type": "google-cloud-platform",
                "extra": {
                    "extra__google_cloud_platform__keyfile_dict": '{"private_key": "x"}',
                    "project": "p",
                },
            },
            {"token": {"private_key": "x"}, "project": "p"},
        ),
        (
            "gcs",
            {"conn_type": "google_cloud_platform", "extra": {"key_path": "/run/key.json"}},
            {"token": "/run/key.json"},
        ),
        (
            "abfs",
            {"conn_type": "wasb", "login": "account", "password": "k"},
            {"account_name": "account", "account_key": "k"},
        ),
        (
            "abfs",
            {
                "conn_type": "wasb",
                "host": "account.blob.core.windows.net",
                "extra": {"sas_token": "sv=1"},
            },
            {"account_name": "account", "sas_token": "sv=1"},
        ),
        (
            "abfs",
            {
                "conn_type": "adls",
                "login": "client",
                "password": "s",
                "extra": {"tenant_id": "t", "account_name": "account"},
            },
            {
                "account_name": "account",
                "tenant_id": "t",
                "client_id": "client",
                "client_secret": "s",
            },
        ),
        (
            "abfs",
            {"conn_type": "wasb", "extra": {"connection_string": "AccountName=a;AccountKey=k"}},
            {"connection_string": "AccountName=a;AccountKey=k"},
        ),
    ],
)
def test_options__are_those_of_the_library(
    family: str, value: dict[str, Any], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    define(monkeypatch, value)
    assert map_options(family) == options


def test_connection__of_another_store_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    define(monkeypatch, {"conn_type": "aws", "password": CANARY})
    with pytest.raises(ConfigError, match="'aws': this location needs google_cloud_platform"):
        map_options("gcs")
    with pytest.raises(ConfigError, match="needs no connection"):
        get_options(None, find_connection("store", "a test"), "a test")


def test_connection__a_role_is_refused_rather_than_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define(monkeypatch, {"conn_type": "aws", "extra": {"role_arn": "arn:aws:iam::1:role/x"}})
    with pytest.raises(ConfigError, match="profile_name"):
        map_options("s3")


def test_connection__an_unknown_one_says_where_to_define_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_STORE", raising=False)
    with pytest.raises(ConfigError, match=r"'store' \(source x\).*AIRFLOW_CONN_STORE"):
        find_connection("store", "source x")


@pytest.mark.parametrize(
    "text", [f'{{"conn_type": {CANARY}', CANARY, "{}", f'{{"login":"{CANARY}"}}']
)
def test_connection__a_malformed_one_is_named_and_not_quoted(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(monkeypatch, text)
    with pytest.raises(ConfigError, match="AIRFLOW_CONN_STORE is neither") as error:
        read_from_environment("store")
    assert "canary" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_connection__its_text_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    define(
        monkeypatch,
        {"conn_type": "wasb", "login": CANARY, "password": CANARY, "extra": {"sas_token": CANARY}},
    )
    found = find_connection("store", "a test")
    assert "canary" not in repr(found) + str(found)
    assert hide_secrets(f"failed with {CANARY}: https://a.example.com/x?sig=abc", found) == (
        "failed with ***: https://a.example.com/x?..."
    )


def test_lookup__is_asked_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    define(monkeypatch, {"conn_type": "aws", "login": "environment"})
    asked = []

    def look_up(connection_id: str) -> None:
        asked.append(connection_id)

    set_lookup(look_up)
    try:
        assert find_connection("store", "a test").login == "environment"
    finally:
        set_lookup(None)
    assert asked == ["store"]


def test_family__knows_the_protocols_of_a_store() -> None:
    assert [find_family(name) for name in ("s3", "gs", "az", "abfss", "file", "memory")] == [
        "s3", "gcs", "abfs", "abfs", None, None,
    ]  # fmt: skip

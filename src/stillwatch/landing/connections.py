"""Named connections: how a location outside this machine is reached, without a secret in a file.

`sources.yml` names a connection; what it holds is said elsewhere, in Airflow's own form. Inside a
task Airflow is asked (`stillwatch.orchestration.connections`); everywhere else the environment
variable `AIRFLOW_CONN_<ID>` is read, as Airflow itself would, as JSON or as a URI. A location
without a connection uses what its library finds by itself: environment, profile, machine role.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from stillwatch.errors import ConfigError

_CONNECT_SECONDS = 10
_READ_SECONDS = 30
_URL_QUERY = re.compile(r"(\w+://[^\s?\"']*)\?[^\s\"']*")
_MIN_SECRET_CHARS = 4  # shorter values would blank out ordinary words

# Connection types of Airflow, by the protocol of the location.
_TYPES = {
    "s3": ("aws",),
    "gcs": ("google_cloud_platform",),
    "abfs": ("wasb", "adls", "azure_data_lake"),
}
_PROTOCOLS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "abfs",
    "abfs": "abfs",
    "abfss": "abfs",
    "adl": "abfs",
}
EXTRAS = {"s3": "s3", "gcs": "gcs", "abfs": "azure"}
"""The extra of this package that installs the library of each family of protocols."""


@dataclass(frozen=True)
class Connection:
    """A connection in Airflow's fields; its text shows no more than id and type."""

    connection_id: str
    type: str
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    host: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def list_secrets(self) -> list[str]:
        """Return every value that must not appear in a message, the longest first."""
        values = {text for text in (self.login, self.password, *_list_texts(self.extra)) if text}
        return sorted((v for v in values if len(v) >= _MIN_SECRET_CHARS), key=len, reverse=True)


Lookup = Callable[[str], Connection | None]

_lookups: list[Lookup] = []


def set_lookup(lookup: Lookup | None) -> None:
    """Ask `lookup` for connections in this process; None goes back to the environment alone."""
    _lookups[:] = [] if lookup is None else [lookup]


def find_connection(connection_id: str, origin: str) -> Connection:
    """Return the connection of that name, or raise a ConfigError that says where to define it."""
    for lookup in (*_lookups, read_from_environment):
        found = lookup(connection_id)
        if found is not None:
            return found
    raise ConfigError(
        f"connection {connection_id!r} ({origin}) is not known: set {_name_variable(connection_id)}"
        " or define it in Airflow; leave `connection` out to use the library's own credentials"
    )


def read_from_environment(connection_id: str) -> Connection | None:
    """Return the connection that `AIRFLOW_CONN_<ID>` holds, or None if it is not set."""
    variable = _name_variable(connection_id)
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    try:
        return (
            _parse_json(connection_id, text) if text[0] == "{" else _parse_uri(connection_id, text)
        )
    except (ValueError, TypeError, AttributeError):
        # The cause is left out on purpose: it would quote the value.
        raise ConfigError(
            f"{variable} is neither the JSON object nor the URI of an Airflow connection"
        ) from None


def find_family(protocol: str) -> str | None:
    """Return the library family of a URL protocol: `s3`, `gcs`, `abfs`, or None for all others."""
    return _PROTOCOLS.get(protocol)


def get_options(family: str | None, connection: Connection | None, origin: str) -> dict[str, Any]:
    """Return fsspec's storage options for a location of that family."""
    options: dict[str, Any] = {}
    if family is not None:
        # A listing that was kept from before would hide a file that has landed since.
        options = {"use_listings_cache": False, "skip_instance_cache": True}
    if family == "s3":
        options["config_kwargs"] = {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retries": {"max_attempts": 0},  # we try again ourselves
        }
    if connection is None:
        return options
    allowed = _TYPES.get(family or "", ())
    if connection.type not in allowed:
        raise ConfigError(
            f"connection {connection.connection_id!r} ({origin}) is of type {connection.type!r}: "
            f"this location needs {' or '.join(allowed) or 'no connection'}"
        )
    match family:
        case "s3":
            return options | _map_aws(connection, origin)
        case "gcs":
            return options | _map_google(connection)
        case "abfs":
            return options | _map_azure(connection)
        case _:
            raise AssertionError(family)


def hide_secrets(text: str, connection: Connection | None) -> str:
    """Return a library's message without what the connection holds and without URL queries.

    >>> hide_secrets("GET https://example.com/x?sig=abc failed", None)
    'GET https://example.com/x?... failed'
    """
    text = _URL_QUERY.sub(r"\1?...", " ".join(text.split()))
    for secret in connection.list_secrets() if connection else ():
        text = text.replace(secret, "***")
    return text


def _map_aws(connection: Connection, origin: str) -> dict[str, Any]:
    extra = connection.extra
    if extra.get("role_arn"):
        raise ConfigError(
            f"connection {connection.connection_id!r} ({origin}) has a role_arn, which is not "
            "assumed here: name an AWS profile that assumes it in extra.profile_name"
        )
    service = (extra.get("service_config") or {}).get("s3") or {}
    client = {
        "endpoint_url": service.get("endpoint_url") or extra.get("endpoint_url"),
        "region_name": extra.get("region_name"),
    }
    return _drop_empty(
        {
            "key": connection.login or extra.get("aws_access_key_id"),
            "secret": connection.password or extra.get("aws_secret_access_key"),
            "token": extra.get("aws_session_token"),
            "profile": extra.get("profile_name"),
            "client_kwargs": _drop_empty(client),
        }
    )


def _map_google(connection: Connection) -> dict[str, Any]:
    extra = connection.extra
    token = extra.get("keyfile_dict") or extra.get("key_path")
    if isinstance(token, str) and token.lstrip().startswith("{"):
        token = json.loads(token)
    return _drop_empty({"token": token or "google_default", "project": extra.get("project")})


def _map_azure(connection: Connection) -> dict[str, Any]:
    extra = connection.extra
    options = {
        "connection_string": extra.get("connection_string"),
        "sas_token": extra.get("sas_token"),
        "account_name": extra.get("account_name"),
    }
    tenant = extra.get("tenant_id") or extra.get("tenant")
    if tenant:
        options |= {
            "tenant_id": tenant,
            "client_id": connection.login,
            "client_secret": connection.password,
        }
    elif connection.login and not options["account_name"]:
        options |= {"account_name": connection.login, "account_key": connection.password}
    else:
        options["account_key"] = connection.password
    if not options["account_name"] and connection.host:
        host = urlsplit(connection.host if "//" in connection.host else f"//{connection.host}")
        options["account_name"] = (host.hostname or "").partition(".")[0]
    return _drop_empty(options)


def _parse_json(connection_id: str, text: str) -> Connection:
    value = json.loads(text)
    extra = value.get("extra") or {}
    return make_connection(
        connection_id,
        str(value["conn_type"]) if "conn_type" in value else "",
        value.get("login"),
        value.get("password"),
        value.get("host"),
        json.loads(extra) if isinstance(extra, str) else extra,
    )


def _parse_uri(connection_id: str, text: str) -> Connection:
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    return make_connection(
        connection_id,
        parts.scheme,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        unquote(parts.hostname) if parts.hostname else None,
        extra,
    )


def make_connection(
    connection_id: str,
    kind: str,
    login: str | None,
    password: str | None,
    host: str | None,
    extra: Mapping[str, Any],
) -> Connection:
    """Return a connection; old Airflow prefixes of extra fields are taken off."""
    kind = kind.replace("-", "_")
    if not kind:
        raise ValueError("no type")
    prefix = f"extra__{kind}__"
    return Connection(
        connection_id,
        kind,
        login or None,
        password or None,
        host or None,
        {str(name).removeprefix(prefix): value for name, value in extra.items()},
    )


def _name_variable(connection_id: str) -> str:
    return f"AIRFLOW_CONN_{connection_id.upper()}"


def _drop_empty(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}


def _list_texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _list_texts(item)
        case list() | tuple():
            for item in value:
                yield from _list_texts(item)

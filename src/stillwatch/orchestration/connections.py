"""Airflow's connections for the locations of sources, inside a task."""

from __future__ import annotations

from typing import Any

from stillwatch.errors import ConfigError
from stillwatch.landing.connections import Connection, make_connection, set_lookup


def use_airflow_connections(context: Any = None) -> None:
    """Have this process ask Airflow for the connections that `sources.yml` names.

    It runs before every task (`DEFAULT_ARGS`); no connection is read before one is needed.
    """
    set_lookup(find_airflow_connection)


def find_airflow_connection(connection_id: str) -> Connection | None:
    """Return the connection that Airflow holds under that name, or None if it holds none."""
    from airflow.sdk import Connection as AirflowConnection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = AirflowConnection.get(connection_id)
    except AirflowNotFoundException:
        return None
    try:
        return make_connection(
            connection_id,
            found.conn_type or "",
            found.login,
            found.password,
            found.host,
            found.extra_dejson,
        )
    except (ValueError, AttributeError):
        # The cause is left out on purpose: it could quote the value.
        raise ConfigError(f"connection {connection_id!r} in Airflow has no type") from None

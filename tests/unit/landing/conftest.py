"""Gives the landing tests the S3-compatible server."""

from object_store import connection, store, store_server

__all__ = ["connection", "store", "store_server"]

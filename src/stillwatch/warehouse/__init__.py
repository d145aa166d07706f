"""The embedded warehouse: load, publish, query.

Engine differences live here and in dbt's cross_db macros.
"""

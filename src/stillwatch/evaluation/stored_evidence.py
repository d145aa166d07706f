"""Reads what the pipeline knew of each account before slope and prior made it a probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import ConfigError
from stillwatch.transform.variables import read_variables

OWN_BITS, GROUP_BITS = "own_bits", "group_bits"
CAMPAIGN_BITS, MEMBERSHIP = "campaign_bits", "membership_probability"
EVIDENCE = (OWN_BITS, GROUP_BITS, CAMPAIGN_BITS, MEMBERSHIP)


def read_evidence(
    warehouse: Path, day: date, account_keys: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return the columns of `EVIDENCE` for the accounts, from the published marts of `day`.

    Bits are sums of log2 e-values before the discount for dependence. NaN stands where there is
    nothing: no activity in the window, or no campaign. The marts hold discounted log10 odds, so
    the vars of dbt_project.yml must be those that the warehouse was built with.
    """
    variables = read_variables()
    slope = variables["evidence_slope"].value
    if not slope:
        raise ConfigError("evidence_slope is 0 in dbt_project.yml: no evidence can be read back")
    numbers: Mapping[str, float | date] = {
        "day": day,
        "prior": variables["account_prior_log2_odds"].value,
        "unit": slope * math.log10(2.0),
        "slope": slope,
    }
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            """
            select s.account_key, s.own_log10_odds / $unit - $prior / $slope,
                s.cluster_log10_odds / $unit,
                (c.posterior_log10_odds - c.prior_log10_odds) / $unit,
                b.membership_probability
            from marts.fct_account_scores as s
            left join marts.fct_campaign_days as c
                on s.campaign_id = c.campaign_id and s.as_of_date = c.as_of_date
            left join marts.bridge_campaign_accounts as b
                on s.campaign_id = b.campaign_id and s.account_key = b.account_key
            where s.as_of_date = $day
            """,
            numbers,
        ).fetchall()
    found = {key: values for key, *values in rows}
    nothing = [None] * len(EVIDENCE)
    table = np.array([found.get(key, nothing) for key in account_keys], dtype=np.float64)
    table = table.reshape(len(account_keys), len(EVIDENCE))
    return {name: table[:, column] for column, name in enumerate(EVIDENCE)}

"""The rules one would write first. Each looks at one thing, and must visibly fail somewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from stillwatch.evaluation.competitors.protocol import AccountScores, WorldTables

# Where disclosed campaigns appeared from, and the unsupported countries behind them (facts.md F16).
# A competitor only: Stillwatch takes no country as evidence.
NAMED_COUNTRIES = ("CN", "HK", "IR", "JP", "RU", "SG")


@dataclass(frozen=True)
class VolumeRule:
    """Scores an account by the exchanges of its busiest day."""

    name: str = "volume rule"

    def score(self, world: WorldTables) -> AccountScores:
        """Return the busiest day, as a logarithm."""
        return AccountScores.of(self.name, world, world.get_feature("log_busiest_day_exchanges"))


@dataclass(frozen=True)
class PhraseRule:
    """Scores an account by the share of its exchanges that ask for hidden reasoning in words."""

    name: str = "phrase rule"

    def score(self, world: WorldTables) -> AccountScores:
        """Return the share of exchanges with a phrase of the reasoning elicitation vocabulary."""
        share = world.get_feature("technique_reasoning_elicitation_ratio")
        return AccountScores.of(self.name, world, np.where(np.isnan(share), 0.0, share))


@dataclass(frozen=True)
class Ja4Rule:
    """Scores an account by how much commoner its TLS client is among new accounts than among old.

    Half an account is added on both sides, so that a client that no old account uses counts by how
    many new ones use it.
    """

    name: str = "JA4 only"

    def score(self, world: WorldTables) -> AccountScores:
        """Return the logarithm of the ratio of shares; 0 without a JA4."""
        ja4, is_old = world.attributes["ja4"], world.is_established
        old, new = Counter(ja4[is_old].tolist()), Counter(ja4[~is_old].tolist())
        old_total, new_total = int(is_old.sum()) + 1, int((~is_old).sum()) + 1
        ratio = {
            value: np.log(((new[value] + 0.5) / new_total) / ((old[value] + 0.5) / old_total))
            for value in set(ja4.tolist())
        }
        return AccountScores.of(
            self.name, world, np.array([ratio[v] if v else 0.0 for v in ja4.tolist()])
        )


@dataclass(frozen=True)
class CountryRule:
    """Scores an account 1 if most of its exchanges come from a named country, else 0."""

    name: str = "country only"
    countries: tuple[str, ...] = NAMED_COUNTRIES

    def score(self, world: WorldTables) -> AccountScores:
        """Return whether the account's usual country is named."""
        is_named = np.isin(world.attributes["country"], self.countries)
        return AccountScores.of(self.name, world, is_named.astype(np.float64))

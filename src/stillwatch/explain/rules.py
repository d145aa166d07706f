"""What the marts do not repeat in each row: families and their fields, the prior, the words.

They are read from the dbt project of this checkout (`seeds/`, vars in `dbt_project.yml`), so an
explanation of an old day uses today's catalogue and words, but the weights of that day.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from stillwatch.errors import ConfigError
from stillwatch.project import get_project_root

_LOG10_OF_2 = math.log10(2)


@dataclass(frozen=True)
class Signal:
    """A signal or kind of group evidence: its family and side, benign cause and input fields."""

    family: str
    side: str
    benign_explanation: str
    data_fields: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """The catalogue of signals by code, and how odds become a probability and a word."""

    signals: dict[str, Signal]
    terms: tuple[tuple[float, str], ...]
    prior_bits: float
    slope: float
    maximum_probability: float

    def get_probability(self, log2_odds: float) -> float:
        """Return the campaign probability of odds in bits, kept within the bounds of the model."""
        chance = 1 / (1 + math.pow(2, min(700.0, max(-700.0, -log2_odds))))
        return min(self.maximum_probability, max(1 - self.maximum_probability, chance))

    def get_term(self, probability: float) -> str:
        """Return the ICD 203 likelihood term of a probability."""
        return next(term for lowest, term in reversed(self.terms) if probability >= lowest)

    def list_fields(self, family: str) -> tuple[str, ...]:
        """Return the input fields that the signals of a family need, sorted."""
        fields = (signal.data_fields for signal in self.signals.values() if signal.family == family)
        return tuple(sorted({field for group in fields for field in group}))

    def list_families(self) -> tuple[str, ...]:
        """Return every family that can speak for or against a campaign, sorted."""
        sides = ("behaviour", "access", "coordination")
        return tuple(sorted({item.family for item in self.signals.values() if item.side in sides}))


def to_bits(log10: float) -> float:
    """Return a decimal logarithm as bits.

    >>> round(to_bits(3.0103), 3)
    10.0
    """
    return log10 / _LOG10_OF_2


def read_rules(root: Path | None = None) -> Rules:
    """Return the rules of the project at `root` (default: this checkout)."""
    project = (root or get_project_root()) / "dbt_project"
    variables = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    signals = {
        row["signal_code"]: Signal(
            row["family"],
            row["evidence_side"],
            row["benign_explanation"],
            tuple(row["data_fields"].split(";")),
        )
        for row in _read_seed(project, "signal_catalog")
    }
    terms = sorted(
        (float(row["probability_from"]), row["likelihood_term"])
        for row in _read_seed(project, "likelihood_terms")
    )
    return Rules(
        signals,
        tuple(terms),
        float(variables["account_prior_log2_odds"]),
        float(variables["evidence_slope"]),
        float(variables["campaign_probability_maximum"]),
    )


def _read_seed(project: Path, name: str) -> list[dict[str, str]]:
    path = project / "seeds" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ConfigError(f"{path} holds no row: restore it from the project")
    return rows

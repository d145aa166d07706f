"""All competitors that need no training, in the order of the score table."""

from __future__ import annotations

from stillwatch.evaluation.competitors.fraudar import Fraudar
from stillwatch.evaluation.competitors.leiden import Leiden
from stillwatch.evaluation.competitors.mmd import MmdWindows
from stillwatch.evaluation.competitors.outliers import Ecod, IsolationForest, PyodOutliers
from stillwatch.evaluation.competitors.protocol import Competitor
from stillwatch.evaluation.competitors.rules import CountryRule, Ja4Rule, PhraseRule, VolumeRule


def list_competitors(seed: int = 0) -> tuple[Competitor, ...]:
    """Return the unsupervised competitors; optional packages are loaded when they first score."""
    return (
        VolumeRule(),
        PhraseRule(),
        Ja4Rule(),
        CountryRule(),
        IsolationForest(seed=seed),
        Ecod(),
        PyodOutliers("ecod"),
        PyodOutliers("copod"),
        Fraudar(),
        Leiden(seed=seed),
        MmdWindows(seed=seed),
    )

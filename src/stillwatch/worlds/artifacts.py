"""Reasoning artefacts of one day: what each conversation holds and what a campaign has gathered."""

from __future__ import annotations

import random
from typing import NamedTuple

_MOST_GATHERED = 4096  # per group of accounts; later ones take the place of the oldest
_TRIES = 8


class Artifact(NamedTuple):
    """An artefact as it was given out."""

    artifact_id: str
    account: int
    account_id: str


class Artifacts:
    """Keeps artefacts for later requests; nothing outlives the day."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}
        self._gathered: dict[str, list[Artifact]] = {}
        self._counts: dict[str, int] = {}

    def keep(self, session: int, artifact: Artifact, family: str | None) -> None:
        """Remember an artefact for its session, and for the campaign `family` if one gathers."""
        self._last[session] = artifact.artifact_id
        if family is None:
            return
        gathered = self._gathered.setdefault(family, [])
        count = self._counts.get(family, 0)
        if len(gathered) < _MOST_GATHERED:
            gathered.append(artifact)
        else:
            gathered[count % _MOST_GATHERED] = artifact
        self._counts[family] = count + 1

    def get_last(self, session: int) -> str | None:
        """Return the newest artefact of a session."""
        return self._last.get(session)

    def pick_foreign(self, rnd: random.Random, family: str, account: int) -> Artifact | None:
        """Return one that was issued to another account of the family, if it has gathered any."""
        gathered = self._gathered.get(family, [])
        for _ in range(_TRIES if gathered else 0):
            picked = gathered[int(rnd.random() * len(gathered))]
            if picked.account != account:
                return picked
        return None

"""Which steps of the demonstration are done, so that an interrupted one can go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stillwatch.runs import read_json, write_json

LAST_STEP = "scheduled"


@dataclass
class DemoProgress:
    """The names of the finished steps, kept in one JSON file."""

    path: Path
    steps: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> DemoProgress:
        """Return the progress recorded at `path`, or none at all."""
        return cls(path, list(read_json(path)["steps"]) if path.exists() else [])

    @property
    def is_complete(self) -> bool:
        """Whether the last step is done."""
        return self.has(LAST_STEP)

    def has(self, step: str) -> bool:
        """Tell whether a step is done."""
        return step in self.steps

    def add(self, step: str) -> None:
        """Record that a step is done."""
        self.steps.append(step)
        write_json(self.path, {"steps": self.steps})

    def forget(self, step: str) -> None:
        """Record that a step has to be done again."""
        self.steps.remove(step)
        write_json(self.path, {"steps": self.steps})

"""What pulls of several requests have in common: how much they may take, and JSON answers."""

from __future__ import annotations

from typing import Any

from stillwatch.feeds.download import PullFailedError
from stillwatch.feeds.entries import load_json
from stillwatch.feeds.parsed import VersionRefusedError


class OverBudgetError(PullFailedError):
    """The answers of one pull have more bytes than it may take: it ends, whatever is missing."""


class ByteBudget:
    """The bytes that all answers of one pull may have together."""

    def __init__(self, origin: str, max_bytes: int) -> None:
        self._origin = origin
        self._max_bytes = max_bytes
        self._left = max_bytes

    def spend(self, content: bytes) -> None:
        """Count an answer; OverBudgetError if that is more than a pull may take."""
        self._left -= len(content)
        if self._left < 0:
            text = f"{self._origin}: the answers have more than {self._max_bytes} bytes together"
            raise OverBudgetError("too_large", text)


def load_object(name: str, content: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer; PullFailedError if it is none."""
    try:
        document = load_json(name, content.decode("utf-8-sig"))
    except (VersionRefusedError, UnicodeDecodeError) as error:
        detail = getattr(error, "detail", f"{name} is not UTF-8")
        raise PullFailedError("unreadable", detail) from error
    if not isinstance(document, dict):
        raise PullFailedError("unreadable", f"{name} is no JSON object")
    return document

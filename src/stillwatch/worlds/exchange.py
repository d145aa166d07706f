"""One exchange as its platform knows it, before it is written in any log format."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stillwatch.worlds.clients import Fingerprint
from stillwatch.worlds.places import Exit
from stillwatch.worlds.population import Account, to_instant

REPLIES = ("Done.", "Here it is.", "See below.", "Sure.", "One moment: finished.")
OK, REFUSED = "ok", "refused"
ANSWERED = (OK, REFUSED)  # the model ran; everything else failed before it
# a single white pixel; every request with an image carries this one
IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
IMAGE_TYPE = "image/png"


class Exchange(NamedTuple):
    """Everything that a native record says. A format that cannot carry a field leaves it out."""

    identity: str  # 32 hexadecimal digits, from which every platform makes its own id
    second: float  # since 1970, UTC
    account: Account
    status: str
    model: str  # without the spelling of a platform
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int | None
    reasoning_tokens: int
    latency_ms: int
    chance: float  # a uniform number for choices made while writing
    max_tokens: int | None
    temperature: float | None
    stream: bool
    samples: int | None
    tool_count: int
    image_count: int
    message_count: int
    shown: Exit
    client: Fingerprint
    api_key: str
    session: str | None
    end_user: str | None
    system: str | None
    prompt: str
    issued: str | None  # a reasoning artefact in the reply
    submitted: str | None  # one handed in with the request

    @property
    def answered(self) -> bool:
        """Whether the model ran, so that the log has a reply and its token counts."""
        return self.status in ANSWERED

    @property
    def reply(self) -> str:
        """The text of the reply: none worth reading, and nothing where the model refused."""
        return REPLIES[int(self.chance * len(REPLIES))] if self.status == OK else ""

    @property
    def history_turns(self) -> int:
        """How many pairs of user and assistant messages come before the prompt."""
        return (self.message_count - 1) // 2

    @property
    def handed_in(self) -> str | None:
        """The submitted artefact, if there is an earlier reply in the request to hold it."""
        return self.submitted if self.message_count > 1 else None

    @property
    def milliseconds(self) -> int:
        """When the request arrived, in whole milliseconds since 1970."""
        whole = int(self.second)
        return whole * 1000 + int((self.second - whole) * 1000)


class Turns(NamedTuple):
    """An earlier pair of messages in a conversation."""

    asked: str
    answered: str


EARLIER = Turns("Let us begin with the outline.", "Understood.")


def spell_second(whole: int) -> str:
    """Return `2026-11-01T10:00:00` for whole seconds since 1970."""
    minute, second = divmod(whole, 60)
    return f"{_spell_minute(minute)}:{second:02d}"


@lru_cache(maxsize=4096)  # more than the minutes of a day
def _spell_minute(minute: int) -> str:
    return to_instant(minute * 60).strftime("%Y-%m-%dT%H:%M")


def spell_millis(milliseconds: int) -> str:
    """Return `2026-11-01T10:00:00.123` for milliseconds since 1970."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{spell_second(whole)}.{rest:03d}"

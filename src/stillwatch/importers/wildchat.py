"""WildChat: conversations of people with ChatGPT, with hashed address, country and user agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from stillwatch.errors import InputError
from stillwatch.importers.accounts import AccountPool
from stillwatch.importers.files import BadValue, find_files
from stillwatch.importers.model import (
    BAD_RECORD,
    Exchange,
    FieldNote,
    Item,
    Options,
    Origin,
    Skipped,
    shorten,
)

_REQUIRED = ("model", "timestamp", "conversation")
_OPTIONAL = (
    "conversation_hash",
    "conversation_id",
    "country",
    "hashed_ip",
    "header",
    "toxic",
)
_BATCH_ROWS = 256  # conversations may be long: a batch stays within some megabytes
_MAX_AGENT_CHARS = 512


@dataclass(frozen=True)
class WildChatImporter:
    """Parquet files of WildChat, WildChat-1M and WildChat-4.8M: a row is a conversation."""

    kind: str = "wildchat"
    title: str = "WildChat"
    licence: str = "ODC-BY-1.0 (WildChat-1M, -4.8M); AI2 ImpACT low risk (first release)"
    obtain: str = "https://huggingface.co/datasets/allenai/WildChat-1M"
    record: str = "one message of a user (a conversation gives several), or a conversation without"
    is_ordered: bool = False
    samples_itself: bool = False
    notes: tuple[FieldNote, ...] = (
        FieldNote("exchange_id", Origin.DERIVED, "conversation_hash and place of the message"),
        FieldNote(
            "event_at",
            Origin.DERIVED,
            "timestamp of the message, else of its reply, else of the conversation; moved onto the "
            "chosen days",
        ),
        FieldNote(
            "account_id",
            Origin.DERIVED,
            "hashed_ip: one address is taken as one person; without it, one of `--accounts` per "
            "conversation (invented)",
        ),
        FieldNote("model", Origin.REAL, "model"),
        FieldNote(
            "status",
            Origin.DERIVED,
            "`ok` if a reply follows, else `error`; refusals are not told apart",
        ),
        FieldNote("session_id", Origin.REAL, "conversation_hash (conversation_id)"),
        FieldNote("message_count", Origin.DERIVED, "messages so far, this one included"),
        FieldNote(
            "client_country",
            Origin.DERIVED,
            "country, as a two-letter code; unknown names are left out",
        ),
        FieldNote("user_agent", Origin.REAL, "header.user-agent, at most 512 characters"),
        FieldNote("prompt", Origin.REAL, "content of the message, redacted by its publishers"),
    )

    def read(self, paths: Sequence[Path], options: Options) -> Iterator[Item]:
        """Yield one exchange per message of a user."""
        pool = AccountPool("wildchat-visitor", options.account_count, options.seed)
        for path in find_files(paths, ("*.parquet",)):
            for number, row in _read_conversations(path):
                yield from _list_exchanges(path, number, row, pool, options)


def _read_conversations(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with pq.ParquetFile(path) as parquet:
            names = parquet.schema_arrow.names
            missing = [name for name in _REQUIRED if name not in names]
            if missing:
                raise InputError(
                    f"{path}: there is no column {', '.join(map(repr, missing))}; found "
                    f"{', '.join(names)}: is it a file of WildChat?"
                )
            columns = [name for name in (*_REQUIRED, *_OPTIONAL) if name in names]
            for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path}, after row {number}: not a whole Parquet file ({error}): fetch it again"
        ) from error


def _list_exchanges(
    path: Path, number: int, row: Mapping[str, Any], pool: AccountPool, options: Options
) -> Iterator[Item]:
    place = f"{path}, row {number}"
    if options.drop_flagged and row.get("toxic"):
        yield Skipped("flagged_toxic")
        return
    turns = row["conversation"]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        yield Skipped(BAD_RECORD, f"{place}, column 'conversation': not a list of messages")
        return
    name = row.get("conversation_hash") or row.get("conversation_id")
    session = str(name) if name else shorten("wildchat", path.name, number)
    found = False
    for index, turn in enumerate(turns):
        if turn.get("role") != "user":
            continue
        found = True
        following = turns[index + 1] if index + 1 < len(turns) else {}
        reply = following if following.get("role") == "assistant" else {}
        try:
            yield _make_exchange(
                f"{place}, column 'conversation', message {index + 1}",
                (session, index),
                row,
                turn,
                reply,
                pool,
            )
        except BadValue as error:
            yield Skipped(BAD_RECORD, str(error))
    if not found:
        yield Skipped("no_user_message")


def _make_exchange(
    place: str,
    identity: tuple[str, int],
    row: Mapping[str, Any],
    turn: Mapping[str, Any],
    reply: Mapping[str, Any],
    pool: AccountPool,
) -> Exchange:
    session, index = identity
    moment = turn.get("timestamp") or reply.get("timestamp") or row["timestamp"]
    if not isinstance(moment, datetime):
        raise BadValue(f"{place}: neither it nor its conversation has a timestamp")
    if not row["model"]:
        raise BadValue(f"{place}: the conversation has no model")
    address = turn.get("hashed_ip") or row.get("hashed_ip")
    header = turn.get("header") or row.get("header") or {}
    country = turn.get("country") or row.get("country")
    fields: dict[str, Any] = {
        "model": str(row["model"]),
        "status": "ok" if reply.get("content") else "error",
        "session_id": session,
        "message_count": index + 1,
    }
    if turn.get("content"):
        fields["prompt"] = str(turn["content"])
    if country and (code := load_countries().get(str(country))):
        fields["client_country"] = code
    if isinstance(header, dict) and header.get("user-agent"):
        fields["user_agent"] = _clean(str(header["user-agent"]))
    account = f"wildchat-{shorten(address)}" if address else pool.pick(session)
    return Exchange(
        second=(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(),
        account=account,
        identity=shorten("wildchat", session, index),
        unit=account,
        fields=fields,
    )


def _clean(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:_MAX_AGENT_CHARS]


@lru_cache(maxsize=1)
def load_countries() -> dict[str, str]:
    """Return the two-letter code (ISO 3166-1) of each country name that location services use."""
    text = resources.files("stillwatch.importers").joinpath("countries.yml").read_text("utf-8")
    return {
        name: code for code, names in yaml.safe_load(text).items() for name in names.split(" / ")
    }

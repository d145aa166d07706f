"""Mooncake: requests with the hashes of their prompt blocks, so that shared prefixes are seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.importers.accounts import AccountPool
from stillwatch.importers.files import BadValue, find_files, read_objects, read_whole
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

BLOCK_TOKENS = 512  # what one hash stands for, as the authors say
_REMEMBERED_BLOCKS = 1_000_000


@dataclass(frozen=True)
class Reuse:
    """How far a request's blocks were seen before, and the session and application it belongs to.

    `turn` counts the requests of the session so far, this one included.
    """

    shared_blocks: int
    session: int
    application: int
    turn: int


@dataclass
class _Seen:
    session: int
    application: int
    length: int  # blocks of the request that held this block last
    turn: int


class PrefixReader:
    """Follows conversations by their blocks; the oldest blocks are forgotten beyond a million."""

    def __init__(self, remembered: int = _REMEMBERED_BLOCKS) -> None:
        self._seen: OrderedDict[int, _Seen] = OrderedDict()
        self._remembered = remembered
        self._count = 0

    def add(self, blocks: Sequence[int]) -> Reuse:
        """Return what the request with these blocks shares with earlier ones, and remember it.

        A request continues a session if it begins with all full blocks of an earlier one (the last
        block is rarely full). A shorter common beginning means the same application: the first
        block is the same in all requests of the trace and says nothing.
        """
        shared = 0
        while shared < len(blocks) and blocks[shared] in self._seen:
            shared += 1
        before = self._seen[blocks[shared - 1]] if shared > 1 else None
        self._count += 1
        continues = before is not None and shared >= before.length - 1
        session = before.session if before and continues else self._count
        application = before.application if before else self._count
        turn = before.turn + 1 if before and continues else 1
        now = _Seen(session, application, len(blocks), turn)
        for block in blocks:
            self._seen[block] = now
            self._seen.move_to_end(block)
        while len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        return Reuse(shared, session, application, turn)


@dataclass(frozen=True)
class MooncakeImporter:
    """JSON lines: timestamp (ms), input_length, output_length, hash_ids."""

    kind: str = "mooncake"
    title: str = "Mooncake request traces"
    licence: str = "Apache-2.0, kvcache-ai/Mooncake"
    obtain: str = "https://github.com/kvcache-ai/Mooncake"
    record: str = "one request of a chat service or of tools and agents"
    is_ordered: bool = True
    samples_itself: bool = False
    notes: tuple[FieldNote, ...] = (
        FieldNote("exchange_id", Origin.DERIVED, "from the file's number and the line"),
        FieldNote("event_at", Origin.DERIVED, "timestamp (ms), moved onto the chosen days"),
        FieldNote(
            "account_id",
            Origin.INVENTED,
            "one of `--accounts`; requests that share more than the first block share the account",
        ),
        FieldNote("model", Origin.INVENTED, "`mooncake`"),
        FieldNote("status", Origin.INVENTED, "`ok`: the trace holds no failures"),
        FieldNote(
            "session_id",
            Origin.DERIVED,
            "hash_ids: begins with all full blocks of an earlier request",
        ),
        FieldNote("input_tokens", Origin.REAL, "input_length"),
        FieldNote("output_tokens", Origin.REAL, "output_length"),
        FieldNote(
            "cached_input_tokens",
            Origin.DERIVED,
            "hash_ids: 512 for each leading block seen before, at most input_length; what a cache "
            "without limit would have saved",
        ),
    )

    def read(self, paths: Sequence[Path], options: Options) -> Iterator[Item]:
        """Yield one exchange per line."""
        pool = AccountPool("mooncake", options.account_count, options.seed)
        files = find_files(paths, ("*.jsonl", "*.jsonl.gz", "*.jsonl.zst"))
        for number, path in enumerate(files):
            reader = PrefixReader()
            for found in read_objects(path):
                if isinstance(found, BadValue):
                    yield Skipped(BAD_RECORD, str(found))
                    continue
                line, value = found
                try:
                    yield _make_exchange(number, path, line, value, reader, pool)
                except BadValue as error:
                    yield Skipped(BAD_RECORD, str(error))


def _make_exchange(
    number: int,
    path: Path,
    line: int,
    value: dict[str, Any],
    reader: PrefixReader,
    pool: AccountPool,
) -> Exchange:
    milliseconds = read_whole(value, "timestamp", path, line, maximum=2**53)
    input_tokens = read_whole(value, "input_length", path, line)
    output_tokens = read_whole(value, "output_length", path, line)
    blocks = value.get("hash_ids")
    if not isinstance(blocks, list) or any(type(block) is not int for block in blocks):
        raise BadValue(f"{path}, line {line}, key 'hash_ids': not a list of whole numbers")
    reuse = reader.add(blocks)
    session = f"{number}-{reuse.session}"
    return Exchange(
        second=milliseconds / 1000,
        account=pool.pick(f"{number}-{reuse.application}"),
        identity=shorten("mooncake", number, line),
        unit=session,
        fields={
            "model": "mooncake",
            "status": "ok",
            "session_id": f"mooncake-{session}",
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cached_input_tokens": min(reuse.shared_blocks * BLOCK_TOKENS, input_tokens),
        },
    )

"""BurstGPT: requests to ChatGPT and GPT-4 of one campus, by chat and by API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stillwatch.importers.accounts import AccountPool
from stillwatch.importers.files import BadValue, Row, find_files, read_rows
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

_COLUMNS = ("Timestamp", "Model", "Request tokens", "Response tokens", "Log Type")
_SESSION, _ELAPSED = "Session ID", "Elapsed time"  # since release v2.0 only
_LOG_TYPES = {"Conversation log": "chat", "API log": "api"}
_MAX_ELAPSED_SECONDS = 86_400


@dataclass(frozen=True)
class BurstGptImporter:
    """CSV of releases v1.1 (six columns) and v2.0 (with `Session ID` and `Elapsed time`)."""

    kind: str = "burstgpt"
    title: str = "BurstGPT"
    licence: str = "CC-BY-4.0, HPMLL/BurstGPT"
    obtain: str = "https://github.com/HPMLL/BurstGPT/releases"
    record: str = "one request of a chat or of an API client"
    is_ordered: bool = True
    samples_itself: bool = False
    notes: tuple[FieldNote, ...] = (
        FieldNote("exchange_id", Origin.DERIVED, "from the file's number and the line"),
        FieldNote("event_at", Origin.DERIVED, "Timestamp (seconds), moved onto the chosen days"),
        FieldNote(
            "account_id",
            Origin.INVENTED,
            "four fifths of `--accounts` chat (each session has one), one fifth use the API",
        ),
        FieldNote("model", Origin.REAL, "Model"),
        FieldNote(
            "status", Origin.DERIVED, "`error` where Response tokens is 0, as the authors say"
        ),
        FieldNote("session_id", Origin.REAL, "Session ID (v2.0; chats only), else absent"),
        FieldNote("input_tokens", Origin.REAL, "Request tokens"),
        FieldNote("output_tokens", Origin.REAL, "Response tokens"),
        FieldNote("latency_ms", Origin.REAL, "Elapsed time (v2.0), whole seconds, else absent"),
    )

    def read(self, paths: Sequence[Path], options: Options) -> Iterator[Item]:
        """Yield one exchange per row; a log type that is not known stops or is counted as bad."""
        api_count = max(1, options.account_count // 5)
        pools = {
            "chat": AccountPool(
                "burstgpt-chat", max(1, options.account_count - api_count), options.seed
            ),
            "api": AccountPool("burstgpt-api", api_count, options.seed),
        }
        files = find_files(paths, ("*.csv", "*.csv.gz", "*.csv.zst"))
        for number, path in enumerate(files):
            for row in read_rows(path, _COLUMNS):
                if isinstance(row, BadValue):
                    yield Skipped(BAD_RECORD, str(row))
                    continue
                try:
                    yield _make_exchange(row, shorten("burstgpt", number, row.line), pools)
                except BadValue as error:
                    yield Skipped(BAD_RECORD, str(error))


def _make_exchange(row: Row, identity: str, pools: dict[str, AccountPool]) -> Exchange:
    log_type = _LOG_TYPES.get(row.read_text("Log Type"))
    if log_type is None:
        raise row.complain("Log Type", " or ".join(map(repr, _LOG_TYPES)))
    session = row.read_text(_SESSION) if _SESSION in row.cells else ""
    output_tokens = row.read_count("Response tokens")
    fields: dict[str, object] = {
        "model": row.read_text("Model"),
        "status": "ok" if output_tokens else "error",
        "input_tokens": row.read_count("Request tokens"),
        "output_tokens": output_tokens,
    }
    if not fields["model"]:
        raise row.complain("Model", "the name of a model")
    if session:
        fields["session_id"] = session
    if _ELAPSED in row.cells and row.read_text(_ELAPSED):
        elapsed = row.read_number(_ELAPSED)
        if not 0 <= elapsed <= _MAX_ELAPSED_SECONDS:
            raise row.complain(_ELAPSED, f"between 0 and {_MAX_ELAPSED_SECONDS} seconds")
        fields["latency_ms"] = round(elapsed * 1000)
    unit = session or identity
    return Exchange(
        second=row.read_number("Timestamp"),
        account=pools[log_type].pick(unit),
        identity=identity,
        unit=unit,
        fields=fields,
    )

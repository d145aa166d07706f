"""Landed lines: one exchange or one account in the form that its platform delivers."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson

from stillwatch.worlds.model import Content, Platform, World
from stillwatch.worlds.population import Account, Population, to_instant
from stillwatch.worlds.texts import Text, load_grammar
from stillwatch.worlds.traffic import OK, STATUS_NAMES, Events

_STREAM = 3
_LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "zh", "ja")
_BEDROCK_ERRORS = {
    "rate_limited": "ThrottlingException",
    "blocked": "AccessDeniedException",
    "error": "ModelErrorException",
}
_REPLIES = ("Done.", "Here it is.", "See below.", "Sure.", "One moment: finished.")


@dataclass(frozen=True)
class Line:
    """One delivered line with what the truth tables say about it."""

    second: float
    exchange_id: str
    data: bytes


@dataclass(frozen=True)
class Labels:
    """The truth of one exchange; nothing of it is ever landed."""

    source_id: str
    exchange_id: str
    account_id: str
    cohort: str
    campaign: str | None
    is_extraction: bool
    technique: str | None
    capability: str


class Recorder:
    """Writes the exchanges of a world as lines, day by day."""

    def __init__(self, world: World, population: Population, seed: int) -> None:
        self._population, self._seed, self._world = population, seed, world
        self._newest = max(world.models, key=lambda model: model.released_at).name
        for group in population.groups:
            for content in group.contents:
                for name in list_grammars(content):
                    load_grammar(name)

    def record_day(self, day: date, events: Events) -> tuple[dict[str, list[Line]], list[Labels]]:
        """Return the day's lines by source, in order of time, and the labels of all of them."""
        number = (day - self._world.first_day).days
        rng = np.random.default_rng([self._seed, _STREAM, number])
        rnd = random.Random(f"{self._seed}/{_STREAM}/{number}")  # noqa: S311
        lines: dict[str, list[Line]] = {source.source_id: [] for source in self._world.sources}
        labels: list[Labels] = []
        ids = rng.bytes(16 * len(events)).hex()
        session_ids = rng.bytes(8 * (int(events.session.max(initial=-1)) + 1)).hex()
        artifacts: dict[int, str] = {}
        rows = zip(
            events.account.tolist(),
            events.second.tolist(),
            events.session.tolist(),
            events.content.tolist(),
            strict=True,
        )
        for place, (account_number, second, session, content_index) in enumerate(rows):
            account = self._population.accounts[account_number]
            group_index, content = events.contents[content_index]
            group = self._population.groups[group_index]
            text = _write_text(rnd, account, content)
            event = _Event(
                identity=ids[32 * place : 32 * place + 32],
                second=second,
                session=session_ids[16 * session : 16 * session + 16],
                status=STATUS_NAMES[events.status[place]],
                model=self._newest if events.newest_model[place] else account.model,
                input_tokens=int(events.input_tokens[place]),
                output_tokens=int(events.output_tokens[place]),
                reasoning_tokens=int(events.reasoning_tokens[place]),
                latency_ms=int(events.latency_ms[place]),
                chance=float(events.chance[place]),
                submitted=artifacts.get(session),
            )
            if account.source.format == "native":
                identity, row = _make_native(rnd, account, content, text, event)
                issued = row.get("artifacts_issued")
                if issued:
                    artifacts[session] = issued[0]
            else:
                identity, row = _make_bedrock(rnd, account, content, text, event)
            source_id = account.source.source_id
            lines[source_id].append(Line(second, identity, orjson.dumps(row)))
            labels.append(
                Labels(
                    source_id=source_id,
                    exchange_id=identity,
                    account_id=account.account_id,
                    cohort=group.name,
                    campaign=group.campaign,
                    is_extraction=content.extraction,
                    technique=text.technique,
                    capability=text.capability,
                )
            )
        return lines, labels


@dataclass(frozen=True)
class _Event:
    identity: str
    second: float
    session: str
    status: str
    model: str
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    latency_ms: int
    chance: float
    submitted: str | None


def list_grammars(content: Content) -> list[str]:
    """Return the grammars that a content may use: one per language where it speaks several."""
    if content.grammar == "everyday":
        return [f"everyday_{language}" for language in _LANGUAGES]
    return [content.grammar]


def name_model(model: str, platform: Platform) -> str:
    """Return a model's name as the platform writes it."""
    return f"examplelab.{model}-v1:0" if platform == "aws_bedrock" else model


def render_account(account: Account, until: float) -> bytes | None:
    """Return the registry line of an account as of the instant `until`; none if not yet opened."""
    if account.created_at >= until:
        return None
    closed = account.closed_at if account.closed_at and account.closed_at < until else None
    banned = account.banned_at if account.banned_at and account.banned_at < until else None
    status = "banned" if banned else "closed" if closed else "active"
    row = {
        "account_id": account.account_id,
        "created_at": _spell(account.created_at),
        "status": status,
        "closed_at": _spell(closed) if closed else None,
        "banned_at": _spell(banned) if banned else None,
        "ban_reason": account.ban_reason if banned else None,
        "organization_id": account.organization_id,
    }
    for name in REGISTRY_FIELDS:
        row[name] = account.registry.get(name)
    return orjson.dumps(row)


REGISTRY_FIELDS = (
    "email",
    "phone",
    "payment_instrument",
    "payment_bin",
    "payment_type",
    "billing_country",
    "signup_ip",
    "signup_user_agent",
    "signup_ja4",
    "signup_country",
    "signup_path",
    "plan",
    "seat_count",
    "kyc_level",
    "declared_use",
)


def _write_text(rnd: random.Random, account: Account, content: Content) -> Text:
    name = content.grammar
    if name == "everyday":
        mixed = content.language == "mixed"
        language = _LANGUAGES[int(rnd.random() * len(_LANGUAGES))] if mixed else account.language
        name = f"everyday_{language}"
    grammar = load_grammar(name)
    return grammar.write(rnd, account.voice, content.paraphrase, content.families_per_account)


def _make_native(
    rnd: random.Random, account: Account, content: Content, text: Text, event: _Event
) -> tuple[str, dict[str, Any]]:
    identity = f"msg_{event.identity[:24]}"
    shown = account.exits[int(rnd.random() * len(account.exits))]
    client = account.fingerprints[1 if event.second >= account.upgrade_at else 0]
    max_tokens, temperature, streams = _get_habits(account, content)
    row: dict[str, Any] = {
        "exchange_id": identity,
        "event_at": _spell_exactly(event.second),
        "account_id": account.account_id,
        "api_key_id": account.api_keys[int(event.chance * len(account.api_keys))],
        "model": event.model,
        "endpoint": "/v1/messages",
        "status": event.status,
        "input_tokens": event.input_tokens,
        "output_tokens": event.output_tokens,
        "stream": streams,
        "tool_count": content.tools,
        "image_count": 1 if rnd.random() < content.images else 0,
        "message_count": 1 + 2 * int(rnd.expovariate(1.0) * (content.turns - 1) / 2),
        "latency_ms": event.latency_ms,
        "client_ip": shown.address,
        "client_country": shown.country,
        "user_agent": client.user_agent,
        "ja4": client.ja4,
        "header_order_hash": client.header_order_hash,
        "prompt": text.prompt,
    }
    if text.system is not None:
        row["system_prompt"] = text.system
        row["cached_input_tokens"] = int(event.input_tokens * 0.4)
    if account.organization_id is not None:
        row["organization_id"] = account.organization_id
        row["workspace_id"] = account.workspace_id
    if account.sends_sessions:
        row["session_id"] = f"sess_{event.session}"
    if max_tokens is not None:
        row["max_tokens"] = max_tokens
    if temperature is not None:
        row["temperature"] = temperature
    if content.samples is not None:
        row["n"] = content.samples
    if content.end_users:
        user = int(content.end_users * rnd.random() ** 2)  # few of them ask most
        row["end_user_id"] = f"u{(account.habit ^ (user * 2654435761)) & 0xFFFFFFFF:08x}"
    if event.reasoning_tokens:
        row["reasoning_tokens"] = event.reasoning_tokens
        row["artifacts_issued"] = [f"art_{rnd.getrandbits(80):020x}"]
    if event.submitted is not None and event.chance < 0.6:
        row["artifacts_submitted"] = [event.submitted]
    return identity, row


def _make_bedrock(
    rnd: random.Random, account: Account, content: Content, text: Text, event: _Event
) -> tuple[str, dict[str, Any]]:
    identity = str(uuid.UUID(hex=event.identity, version=4))
    max_tokens, temperature, streams = _get_habits(account, content)
    converse = account.habit % 4 != 0
    if converse:
        operation = "ConverseStream" if streams else "Converse"
        settings = {"maxTokens": max_tokens, "temperature": temperature}
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": [{"text": text.prompt}]}],
            "inferenceConfig": {key: each for key, each in settings.items() if each is not None},
        }
        if text.system is not None:
            body["system"] = [{"text": text.system}]
        if content.tools:
            names = [{"toolSpec": {"name": f"tool_{n}"}} for n in range(content.tools)]
            body["toolConfig"] = {"tools": names}
    else:
        operation = "InvokeModelWithResponseStream" if streams else "InvokeModel"
        body = {
            "messages": [{"role": "user", "content": [{"type": "text", "text": text.prompt}]}],
            "max_tokens": max_tokens or 1024,
        }
        if temperature is not None:
            body["temperature"] = temperature
        if text.system is not None:
            body["system"] = text.system
        if content.tools:
            body["tools"] = [{"name": f"tool_{n}"} for n in range(content.tools)]
    row: dict[str, Any] = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": _spell(event.second),
        "accountId": account.aws_account,
        "identity": {"arn": account.account_id},
        "region": account.region,
        "requestId": identity,
        "operation": operation,
        "modelId": name_model(event.model, "aws_bedrock"),
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": body,
            "inputTokenCount": event.input_tokens,
        },
    }
    if event.status in _BEDROCK_ERRORS:
        row["errorCode"] = _BEDROCK_ERRORS[event.status]
        return identity, row
    refused = event.status != STATUS_NAMES[OK]
    reply = _REPLIES[int(event.chance * len(_REPLIES))]
    message = {"role": "assistant", "content": [{"text": "" if refused else reply}]}
    row["output"] = {
        "outputContentType": "application/json",
        "outputBodyJson": {
            "output": {"message": message},
            "stopReason": "content_filtered" if refused else "end_turn",
            "metrics": {"latencyMs": event.latency_ms},
            "usage": {
                "inputTokens": event.input_tokens,
                "outputTokens": event.output_tokens,
                "totalTokens": event.input_tokens + event.output_tokens,
            },
        },
        "outputTokenCount": event.output_tokens,
    }
    return identity, row


def _get_habits(account: Account, content: Content) -> tuple[int | None, float | None, bool]:
    """Return what an account's code sends each time: max_tokens, temperature, stream."""
    caps, heats = content.max_tokens, content.temperature
    return (
        caps[account.habit % len(caps)],
        heats[account.habit // 7 % len(heats)],
        account.habit // 97 % 100 < content.stream * 100,
    )


def _spell(seconds: float) -> str:
    return to_instant(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _spell_exactly(seconds: float) -> str:
    whole = int(seconds)
    return f"{_spell(whole)[:-1]}.{int((seconds - whole) * 1000):03d}Z"

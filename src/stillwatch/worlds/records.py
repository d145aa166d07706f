"""Landed lines: one exchange or one account in the form that its platform delivers."""

from __future__ import annotations

import random
import zlib
from collections import Counter
from datetime import date
from typing import NamedTuple

import numpy as np
import orjson

from stillwatch.worlds.artifacts import Artifact, Artifacts
from stillwatch.worlds.exchange import Exchange, spell_second
from stillwatch.worlds.formats import WRITERS
from stillwatch.worlds.groups import Group
from stillwatch.worlds.model import Content, World
from stillwatch.worlds.places import Exit
from stillwatch.worlds.population import Account, Population
from stillwatch.worlds.texts import Text, Voice, load_grammar
from stillwatch.worlds.traffic import STATUS_NAMES, Events

_STREAM = 3
RESUBMITTED = 0.6  # of a conversation's later requests hand in its newest artefact
_MOST_A_DAY = 10_000_000
LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "zh", "ja")


class Line(NamedTuple):
    """One exchange as it is delivered."""

    second: float
    data: bytes


class Labels(NamedTuple):
    """The truth of one exchange; nothing of it is ever landed."""

    source_id: str
    exchange_id: str
    account_id: str
    cohort: str
    campaign: str | None
    is_extraction: bool
    technique: str | None
    capability: str
    organisation: str | None = None  # for whom, where a pool serves several
    variant: int | None = None  # which wording, where a campaign has many
    artifact_from: str | None = None  # the account that a replayed artefact was issued to


class Recorder:
    """Writes the exchanges of a world as lines, day by day."""

    def __init__(self, world: World, population: Population, seed: int) -> None:
        self._population, self._seed, self._world = population, seed, world
        self._newest = max(world.models, key=lambda model: model.released_at).name
        for group in population.groups:
            for content in group.all_contents:
                for name in list_grammars(content):
                    load_grammar(name)
        self._gathering = {
            group.family
            for group in population.groups
            if any(content.replay for content in group.contents)
        }

    def record_day(self, day: date, events: Events) -> tuple[dict[str, list[Line]], list[Labels]]:
        """Return the day's lines by source, in order of time, and the labels of all of them."""
        number = (day - self._world.first_day).days
        rng = np.random.default_rng([self._seed, _STREAM, number])
        rnd = random.Random(f"{self._seed}/{_STREAM}/{number}")  # noqa: S311
        lines: dict[str, list[Line]] = {source.source_id: [] for source in self._world.sources}
        labels: list[Labels] = []
        ids = rng.bytes(16 * len(events)).hex()
        session_ids = rng.bytes(8 * (int(events.session.max(initial=-1)) + 1)).hex()
        artifacts = Artifacts()
        tried: Counter[int] = Counter()
        columns = (
            events.account,
            events.second,
            events.session,
            events.content,
            events.status,
            events.newest_model,
            events.input_tokens,
            events.output_tokens,
            events.reasoning_tokens,
            events.latency_ms,
            events.chance,
            events.cached_ratio,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for place, row in enumerate(rows):
            account_number, second, session, content_index, status, newest, *measured = row
            into, out, reasoned, latency_ms, chance, cached = measured
            account = self._population.accounts[account_number]
            group_index, content = events.contents[content_index]
            group = self._population.groups[group_index]
            variant = self._choose_variant(rnd, content, number, tried[content_index])
            tried[content_index] += 1
            text = _write_text(rnd, self._choose_voice(account, group, variant), account, content)
            identity = ids[32 * place : 32 * place + 32]
            whole = account.source.home_platform != "aws_bedrock"  # Bedrock's callers show less
            details = (
                _draw_details(rnd, account.get_exits(second), account, content, bool(reasoned))
                if whole
                else _derive_details(account, identity)
            )
            submitted, issued_to = _choose_submission(
                rnd, artifacts, account, group, content, session, chance
            )
            if details.issued:
                family = group.family if group.family in self._gathering else None
                issued = Artifact(details.issued, account_number, account.account_id)
                artifacts.keep(session, issued, family)
            max_tokens, temperature, streams = _get_habits(account, content)
            exchange = Exchange(
                identity=identity,
                second=second,
                account=account,
                status=STATUS_NAMES[status],
                model=content.model or (self._newest if newest else account.model),
                input_tokens=into,
                output_tokens=out,
                cached_input_tokens=(
                    int(into * cached)
                    if whole and (text.system is not None or details.message_count > 1)
                    else None
                ),
                reasoning_tokens=reasoned,
                latency_ms=latency_ms,
                chance=chance,
                max_tokens=max_tokens,
                temperature=temperature,
                stream=streams,
                samples=content.samples,
                tool_count=content.tools,
                image_count=details.image_count,
                message_count=max(3, details.message_count) if issued_to else details.message_count,
                shown=details.shown,
                client=account.get_client(second, chance),
                api_key=account.api_keys[int(chance * len(account.api_keys))],
                session=(
                    f"sess_{session_ids[16 * session : 16 * session + 16]}"
                    if account.sends_sessions
                    else None
                ),
                end_user=details.end_user,
                system=text.system,
                prompt=text.prompt,
                issued=details.issued,
                submitted=submitted,
            )
            source = account.source
            writer = WRITERS[source.format]
            # copied to its own length: the encoder's buffer is several times as long and would stay
            data = bytes(memoryview(orjson.dumps(writer.make_row(exchange))))
            lines[source.source_id].append(Line(second, data))
            honest = account.former is not None and second < account.former.until
            labels.append(
                Labels(
                    source_id=source.source_id,
                    exchange_id=writer.name_exchange(identity),
                    account_id=account.account_id,
                    cohort=group.name,
                    campaign=None if honest else group.campaign,
                    is_extraction=content.extraction,
                    technique=text.technique,
                    capability=text.capability,
                    organisation=content.organisation,
                    variant=variant,
                    artifact_from=issued_to,
                )
            )
        return lines, labels

    def _choose_variant(
        self, rnd: random.Random, content: Content, number: int, tried: int
    ) -> int | None:
        """Return the wording that a request uses: one of a few, or one that nobody used before."""
        if content.variants is None:
            return None
        if content.variants:
            return int(rnd.random() * content.variants)
        began = (content.first_at or self._world.start).date() - self._world.first_day
        return (number - max(0, began.days)) * _MOST_A_DAY + tried

    def _choose_voice(self, account: Account, group: Group, variant: int | None) -> Voice:
        """Return the account's voice, or the one that a campaign's wording has everywhere."""
        if variant is None:
            return account.voice
        return make_campaign_voice(self._seed, group, variant)


def make_campaign_voice(seed: int, group: Group, variant: int) -> Voice:
    """Return the voice of one wording of a campaign, the same in all of its accounts."""
    return Voice(zlib.crc32(f"{seed}/{group.family}/{variant}".encode()))


def list_grammars(content: Content) -> list[str]:
    """Return the grammars that a content may use: one per language where it speaks several."""
    if content.grammar == "everyday":
        return [f"everyday_{language}" for language in LANGUAGES]
    return [content.grammar]


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


def _write_text(rnd: random.Random, voice: Voice, account: Account, content: Content) -> Text:
    name = content.grammar
    if name == "everyday":
        mixed = content.language == "mixed"
        language = LANGUAGES[int(rnd.random() * len(LANGUAGES))] if mixed else account.language
        name = f"everyday_{language}"
    grammar = load_grammar(name)
    return grammar.write(
        rnd,
        voice,
        content.paraphrase,
        content.families_per_account,
        content.template_families,
        content.wording,
    )


class _Details(NamedTuple):
    """What differs from request to request of one account."""

    shown: Exit
    image_count: int
    message_count: int
    end_user: str | None
    issued: str | None


def _draw_details(
    rnd: random.Random, exits: tuple[Exit, ...], account: Account, content: Content, reasoned: bool
) -> _Details:
    shown = exits[int(rnd.random() * len(exits))]
    image_count = 1 if rnd.random() < content.images else 0
    message_count = 1 + 2 * int(rnd.expovariate(1.0) * (content.turns - 1) / 2)
    end_user = None
    if content.end_users:
        user = int(content.end_users * rnd.random() ** 2)  # few of them ask most
        end_user = f"u{(account.habit ^ (user * 2654435761)) & 0xFFFFFFFF:08x}"
    issued = f"art_{rnd.getrandbits(80):020x}" if reasoned else None
    return _Details(shown, image_count, message_count, end_user, issued)


def _choose_submission(
    rnd: random.Random,
    artifacts: Artifacts,
    account: Account,
    group: Group,
    content: Content,
    session: int,
    chance: float,
) -> tuple[str | None, str | None]:
    """Return the artefact that a request hands in and, if it is another account's, that account.

    Bedrock's callers hand in none.
    """
    if account.source.home_platform == "aws_bedrock":
        return None, None
    if content.replay and rnd.random() < content.replay:
        foreign = artifacts.pick_foreign(rnd, group.family, account.number)
        if foreign is not None:
            return foreign.artifact_id, foreign.account_id
    return artifacts.get_last(session) if chance < RESUBMITTED else None, None


def _derive_details(account: Account, identity: str) -> _Details:
    """Return the plain request of a Bedrock caller; nothing is drawn, so its texts stay as told."""
    shown = account.exits[int(identity[:8], 16) % len(account.exits)]
    return _Details(shown, 0, 1, None, None)


def _get_habits(account: Account, content: Content) -> tuple[int | None, float | None, bool]:
    """Return what an account's code sends each time: max_tokens, temperature, stream."""
    caps, heats = content.max_tokens, content.temperature
    return (
        caps[account.habit % len(caps)],
        heats[account.habit // 7 % len(heats)],
        account.habit // 97 % 100 < content.stream * 100,
    )


def _spell(seconds: float) -> str:
    return spell_second(int(seconds)) + "Z"

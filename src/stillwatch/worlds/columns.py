"""The exchanges of the fast mode: columns with numbers in place of texts, addresses and clients.

They say what the landed lines of the same exchanges say. What a platform does not log is null here
as well.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.model import Content, World
from stillwatch.worlds.numbering import Choices, Models, Numbers, number_clients, number_exits
from stillwatch.worlds.population import Population
from stillwatch.worlds.records import LANGUAGES, RESUBMITTED, list_grammars
from stillwatch.worlds.replays import find_last_issued, pick_foreign
from stillwatch.worlds.sample_texts import SampleTexts
from stillwatch.worlds.traffic import OK, REFUSED, STATUS_NAMES, Events

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FORMATS = ("native", "aws_bedrock_invocation")  # those whose gaps the columns know
NONE = -1  # stands for null in a column of whole numbers
_STREAM = 6
_DAY_BITS, _PART_BITS = 48, 32  # of an exchange's number: day, part of the accounts, row
_OWN_TURN_TOKENS = 1024  # what a Bedrock caller sends who must send a limit and has none
_USERS_FACTOR = 2654435761

_DICTIONARY = pa.dictionary(pa.int8(), pa.string())
SCHEMA = pa.schema(
    [
        ("exchange", pa.int64()),
        ("account", pa.int32()),
        ("at_ms", pa.int64()),
        ("session", pa.int64()),
        ("status", _DICTIONARY),
        ("model", _DICTIONARY),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("cached_input_tokens", pa.int32()),
        ("reasoning_tokens", pa.int32()),
        ("latency_ms", pa.int32()),
        ("max_tokens", pa.int32()),
        ("temperature", pa.float32()),
        ("samples", pa.int32()),
        ("is_stream", pa.bool_()),
        ("tool_count", pa.int16()),
        ("image_count", pa.int16()),
        ("message_count", pa.int32()),
        ("exit", pa.int32()),
        ("client", pa.int16()),
        ("end_user", pa.int64()),
        ("text", pa.int32()),
        ("issued", pa.int64()),  # the exchange that a reasoning artefact came with: this one
        ("submitted", pa.int64()),  # the exchange whose artefact was handed in
        ("is_extraction", pa.bool_()),
    ]
)


class ColumnDrawer:
    """Draws what the exchanges of one part of the accounts show, day by day.

    `first_account` is the number in the world of the part's first account.
    """

    def __init__(
        self,
        world: World,
        population: Population,
        seed: int,
        part: int,
        first_account: int,
        texts: SampleTexts,
        numbers: Numbers,
    ) -> None:
        self._world, self._population, self._texts = world, population, texts
        self._seed, self._part, self.first_account = seed, part, first_account
        accounts = population.accounts
        self._accounts = list(accounts)
        self._habit = np.array([each.habit for each in accounts], dtype=np.int64)
        self._language = np.array([LANGUAGES.index(each.language) for each in accounts])
        self._is_whole = np.array([each.source.home_platform != "aws_bedrock" for each in accounts])
        self._sends_sessions = np.array([each.sends_sessions for each in accounts])
        self._exits = Choices([number_exits(each, numbers) for each in accounts])
        self._clients = Choices([number_clients(each, numbers) for each in accounts])
        self._sold_at = np.array([each.former.until if each.former else 0.0 for each in accounts])
        self._upgrade_at = np.array([each.upgrade_at for each in accounts], dtype=np.float64)
        self._models = Models(world, accounts)
        self._campaigns = _number_gathering(population)

    def draw_day(self, day: date, events: Events) -> pa.Table:
        """Return the rows of a day, in `SCHEMA` and in order of time."""
        number = (day - self._world.first_day).days
        rng = np.random.default_rng([self._seed, _STREAM, number, self._part])
        size, owner = len(events), events.account
        whole = self._is_whole[owner]
        columns = self._draw_requests(rng, events, whole)
        key = (number << _DAY_BITS) | (self._part << _PART_BITS)
        exchange = key + np.arange(size, dtype=np.int64)
        answered = whole | np.isin(events.status, (OK, REFUSED))
        has_system = self._texts.has_system[columns["text"]]
        issued, submitted = self._trade_artifacts(rng, events, columns, whole)
        columns |= {
            "exchange": exchange,
            "account": owner + self.first_account,
            "at_ms": (events.second * 1000).astype(np.int64),
            "session": np.where(self._sends_sessions[owner] & whole, key + events.session, NONE),
            "input_tokens": events.input_tokens,
            "output_tokens": np.where(answered, events.output_tokens, NONE),
            "cached_input_tokens": np.where(
                whole & has_system, (events.input_tokens * 0.4).astype(np.int64), NONE
            ),
            "reasoning_tokens": np.where(
                whole & (events.reasoning_tokens > 0), events.reasoning_tokens, NONE
            ),
            "latency_ms": np.where(answered, events.latency_ms, NONE),
            "exit": np.where(whole, self._pick_exits(rng, events), NONE),
            "client": np.where(whole, self._pick_clients(events), NONE),
            "issued": np.where(issued, exchange, NONE),
            "submitted": np.where(submitted >= 0, key + submitted, NONE),
        }
        arrays = [
            self._models.name(events, columns.pop("fixed_model"))
            if name == "model"
            else pa.DictionaryArray.from_arrays(events.status.astype(np.int8), list(STATUS_NAMES))
            if name == "status"
            else _to_array(columns[name], SCHEMA.field(name).type)
            for name in SCHEMA.names
        ]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _draw_requests(
        self, rng: np.random.Generator, events: Events, whole: Bools
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Return what depends on the kind of request."""
        size = len(events)
        whole_numbers = (
            *("max_tokens", "samples", "tool_count", "image_count", "message_count"),
            *("end_user", "text", "fixed_model"),
        )
        columns: dict[str, npt.NDArray[np.generic]] = {
            name: np.full(size, NONE, dtype=np.int64) for name in whole_numbers
        }
        columns["temperature"] = np.full(size, np.nan)
        columns["is_stream"] = np.zeros(size, dtype=np.bool_)
        columns["is_extraction"] = np.zeros(size, dtype=np.bool_)
        for index, (group, content) in enumerate(events.contents):
            here = np.flatnonzero(events.content == index)
            if not len(here):
                continue
            owner, shown = events.account[here], whole[here]
            habit = self._habit[owner]
            limit = _take(content.max_tokens, habit)
            must_say = ~shown & (habit % 4 == 0) & np.isnan(limit)
            columns["max_tokens"][here] = _or_none(np.where(must_say, _OWN_TURN_TOKENS, limit))
            columns["temperature"][here] = _take(content.temperature, habit // 7)
            columns["is_stream"][here] = habit // 97 % 100 < content.stream * 100
            columns["samples"][here] = content.samples if content.samples is not None else NONE
            columns["tool_count"][here] = content.tools
            columns["image_count"][here] = shown & (rng.random(len(here)) < content.images)
            pairs = (rng.exponential(size=len(here)) * (content.turns - 1) / 2).astype(np.int64)
            columns["message_count"][here] = np.where(shown, 1 + 2 * pairs, 1)
            if content.end_users:
                user = (content.end_users * rng.random(len(here)) ** 2).astype(np.int64)
                mixed = (habit ^ (user * _USERS_FACTOR)) & 0xFFFFFFFF
                columns["end_user"][here] = np.where(shown, mixed, NONE)
            columns["text"][here] = self._draw_texts(rng, group, content, owner)
            columns["is_extraction"][here] = content.extraction
            if content.model is not None:
                columns["fixed_model"][here] = self._models.names.index(content.model)
        return columns

    def _draw_texts(
        self, rng: np.random.Generator, group: int, content: Content, owner: Ints
    ) -> Ints:
        grammars = list_grammars(content)
        if len(grammars) == 1:
            spoken = np.zeros(len(owner), dtype=np.int64)
        elif content.language == "mixed":
            spoken = rng.integers(len(grammars), size=len(owner))
        else:
            spoken = self._language[owner]
        texts = np.zeros(len(owner), dtype=np.int64)
        for place in np.unique(spoken).tolist():
            shelves = self._texts.get_shelves(
                self._population.groups[group], content, grammars[place]
            )
            asked = spoken == place
            texts[asked] = shelves.draw(
                rng, self._accounts, owner[asked], content.families_per_account
            )
        return texts

    def _pick_exits(self, rng: np.random.Generator, events: Events) -> Ints:
        owner = events.account
        own, former = self._exits.first[owner], self._exits.former[owner]
        end = self._exits.first[owner + 1]
        is_former = events.second < self._sold_at[owner]
        start = np.where(is_former, former, own)
        count = np.where(is_former, end, former) - start
        place = start + (rng.random(len(owner)) * count).astype(np.int64)
        return np.asarray(self._exits.values[place])

    def _pick_clients(self, events: Events) -> Ints:
        """Return the client of each exchange: old and new version, then others, then a former."""
        owner = events.account
        first, former = self._clients.first[owner], self._clients.former[owner]
        count = former - first - 1  # of clients at one time: one of the two versions, and others
        place = (events.chance * 1e6).astype(np.int64) % count
        upgraded = events.second >= self._upgrade_at[owner]
        chosen = first + np.where(place > 0, place + 1, upgraded)
        return self._clients.values[np.where(events.second < self._sold_at[owner], former, chosen)]

    def _trade_artifacts(
        self,
        rng: np.random.Generator,
        events: Events,
        columns: dict[str, npt.NDArray[np.generic]],
        whole: Bools,
    ) -> tuple[Bools, Ints]:
        """Return which exchanges issue an artefact, and the row whose artefact each hands in."""
        issued = whole & (events.reasoning_tokens > 0)
        last = find_last_issued(events.session, issued)
        submitted = np.where(whole & (events.chance < RESUBMITTED), last, NONE)
        for index, (group, content) in enumerate(events.contents):
            if not content.replay:
                continue
            asking = np.flatnonzero((events.content == index) & whole)
            asking = asking[rng.random(len(asking)) < content.replay]
            gathering = self._campaigns[events.account] == self._campaigns_of(group)
            foreign = pick_foreign(rng, asking, np.flatnonzero(issued & gathering), events.account)
            found = foreign >= 0
            submitted[asking[found]] = foreign[found]
            told = columns["message_count"]
            told[asking[found]] = np.maximum(3, told[asking[found]])
        return issued, submitted

    def _campaigns_of(self, group: int) -> int:
        families = [each.family for each in self._population.groups]
        return families.index(families[group])


def _number_gathering(population: Population) -> Ints:
    """Return for each account the number of the first group of its family."""
    families = [group.family for group in population.groups]
    first = np.array([families.index(family) for family in families], dtype=np.int64)
    return first[np.array([account.group for account in population.accounts], dtype=np.int64)]


def _take(options: tuple[float | int | None, ...], habit: Ints) -> Floats:
    """Return an account's choice among options; NaN for none."""
    values = np.array([np.nan if option is None else option for option in options], dtype=float)
    return np.asarray(values[habit % len(values)])


def _or_none(values: Floats) -> Ints:
    return np.where(np.isnan(values), NONE, np.nan_to_num(values)).astype(np.int64)


def _to_array(values: npt.NDArray[np.generic], kind: pa.DataType) -> pa.Array:
    if pa.types.is_integer(kind):
        return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=values == NONE)
    return pa.array(values, kind, from_pandas=True)

"""What a world is made of: frozen dataclasses with every knob of its YAML file.

A world is a list of honest cohorts and a list of attackers over some days. Both are built from
the same parts (who the accounts are, where they come from, with which client, how often, what
they write), so that an attacker can be given any honest trait and the reverse.
"""

from __future__ import annotations

from dataclasses import field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

Platform = Literal["native", "aws_bedrock", "gcp_vertex", "azure_openai", "otel", "litellm"]
Format = Literal[
    "native",
    "aws_bedrock_invocation",
    "gcp_vertex_request_response",
    "azure_openai_diagnostic",
    "otel_genai",
    "litellm_spend",
]
FileKind = Literal["jsonl", "gzip", "zstd", "parquet"]

PLATFORMS: dict[Format, Platform] = {
    "native": "native",
    "aws_bedrock_invocation": "aws_bedrock",
    "gcp_vertex_request_response": "gcp_vertex",
    "azure_openai_diagnostic": "azure_openai",
    "otel_genai": "otel",
    "litellm_spend": "litellm",
}
# A cloud platform passes on little about its customers, and bans them later.
CLOUDS: tuple[Platform, ...] = ("aws_bedrock", "gcp_vertex", "azure_openai")
PARQUET_FORMATS: tuple[Format, ...] = ("native", "gcp_vertex_request_response")

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=False)


@dataclass(frozen=True, config=STRICT)
class Source:
    """A platform that delivers usage logs and its account registry.

    `home` is set where a world is delivered as another platform's logs: the platform that its
    cohorts name, whose accounts and events these are.
    """

    source_id: str
    platform: Platform
    format: Format
    files_per_day: int = 1
    file_kind: FileKind = "gzip"
    home: Platform | None = None

    @property
    def home_platform(self) -> Platform:
        """The platform that the cohorts of the world name."""
        return self.home or self.platform


@dataclass(frozen=True, config=STRICT)
class Model:
    """A model on offer; `weight` is its popularity among honest accounts on the first day."""

    name: str
    released_at: datetime
    weight: float = 0.0


@dataclass(frozen=True, config=STRICT)
class Delivery:
    """How untidy the deliveries are."""

    late_ratio: float = 0.005
    duplicates_per_day: int = 0
    broken_days: tuple[date, ...] = ()
    broken_lines: int = 0


@dataclass(frozen=True, config=STRICT)
class Signup:
    """When accounts were opened: `aged` over years, or inside the window from `first_at`."""

    shape: Literal["aged", "window"] = "aged"
    young_ratio: float = 0.33
    min_days: float = 0.3  # before the end of the world
    max_days: float = 1400.0
    first_at: datetime | None = None
    hours: float = 24.0


@dataclass(frozen=True, config=STRICT)
class Identity:
    """What the registry says about the accounts; a mapping is a choice with weights.

    `email_script` is the pattern of machine-made local parts: `F` a first name, `L` a last name,
    `a` a letter, `9` a digit. `bins` limits the cohort to so many card number prefixes.
    `payment_reuse` is the share of accounts that pay with one of `instruments` shared ones, `keys`
    the number of API keys of each account (none given: one or two).
    """

    email: dict[str, float] = field(default_factory=lambda: {"personal": 0.8, "corporate": 0.2})
    email_script: str = ""
    payment: dict[str, float] = field(default_factory=lambda: {"card": 0.9, "virtual_card": 0.1})
    bins: int = 0
    shared_instrument: bool = False
    payment_reuse: float = 0.0
    instruments: int = 0
    keys: int = 0
    signup_path: dict[str, float] = field(default_factory=lambda: {"self_serve": 1.0})
    plan: dict[str, float] = field(default_factory=lambda: {"pay_as_you_go": 1.0})
    kyc: dict[str, float] = field(default_factory=lambda: {"payment": 1.0})
    countries: dict[str, float] = field(default_factory=dict)
    languages: dict[str, float] = field(default_factory=dict)
    declared_use: tuple[str, ...] = ()
    phone_ratio: float = 0.45
    organisations: int = 0
    seats: int = 1


@dataclass(frozen=True, config=STRICT)
class Network:
    """Where requests come from.

    `exits` is the number of addresses that the whole cohort shares (all kinds but `home`).
    """

    kind: Literal["home", "office", "campus", "hosting", "vpn", "residential_proxy"] = "home"
    exits: int = 0
    vpn_ratio: float = 0.06
    countries: tuple[str, ...] = ()
    hosting_ratio: float = 0.0


@dataclass(frozen=True, config=STRICT)
class Clients:
    """Client software by family and weight; `disguised_as` is what the user agent claims.

    `sessions` is the share of accounts whose client sends a session id; an account that several
    people or machines share shows `per_account` clients.
    """

    families: dict[str, float] = field(default_factory=dict)
    disguised_as: str | None = None
    one_version: bool = False
    sessions: float = 0.55
    per_account: int = 1


@dataclass(frozen=True, config=STRICT)
class Phase:
    """Whole days on which a group asks `factor` times as often; the world's first day is 0."""

    from_day: int
    days: int
    factor: float


@dataclass(frozen=True, config=STRICT)
class Traffic:
    """How often and when an account asks.

    `per_day` is the median of the accounts' daily rates and `sigma` their spread in ln (none: as
    fitted to real clients); `shape` is the rhythm of the day in the account's own time zone.
    Pauses within a session are `gap_seconds` on average, spread by `burst`: as evenly as chance, or
    as unevenly as those of clients of a language or reasoning model; an `agent` pauses as real runs
    of agents do, whatever `gap_seconds`. With `ramp_days` the rate grows in equal steps, day by
    day, to its full height.
    """

    per_day: float
    sigma: float | None = None
    floor: float = 0.0
    cap: float = 400.0
    hard_cap: int | None = None
    shape: Literal["human", "office", "lectures", "flat"] = "human"
    weekend: float = 0.75
    session_calls: float = 3.0
    gap_seconds: float = 75.0
    burst: Literal["language", "reasoning", "agent", "even"] = "language"
    day_noise: float = 0.6
    first_at: datetime | None = None
    last_at: datetime | None = None
    ramp_days: int = 0
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Pivot:
    """Move of a share of the requests to the newest model, reached `hours` after its release."""

    share: float
    hours: float


@dataclass(frozen=True, config=STRICT)
class Content:
    """One kind of request and its weight in the cohort's traffic, between two instants if given.

    `template_families` keeps the whole group to the grammar's first so many families, and
    `families_per_account` each account to its own choice. `variants` gives the wording of `{@slot}`
    to the campaign instead of the account: so many wordings, or with 0 a new one each time.
    `replay` is the share of requests that hand in a reasoning artefact issued to another account
    of the same group. `model` asks for one model, whatever the account else uses. `organisation`
    is for whom an attacker that serves several asks.
    """

    grammar: str
    share: float = 1.0
    tokens: Literal["conversation", "long", "agent", "reasoning"] = "conversation"
    language: Literal["own", "mixed"] = "own"
    extraction: bool = False
    families_per_account: int = 0
    paraphrase: float = 1.0
    wording: int = 0
    temperature: tuple[float | None, ...] = (None, None, 1.0, 0.7, 0.2)
    max_tokens: tuple[int | None, ...] = (None, 1024, 2048, 4096)
    tools: int = 0
    images: float = 0.0
    thinking: float = 0.0
    turns: float = 2.0
    stream: float = 0.5
    samples: int | None = None
    end_users: int = 0
    refused: float = 0.006
    rate_limited: float = 0.006
    pivot: Pivot | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    template_families: int = 0
    variants: int | None = None
    replay: float = 0.0
    model: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, config=STRICT)
class Migration:
    """How honest accounts move to a new model: median delay and share that never does."""

    median_days: float = 6.0
    never: float = 0.4


@dataclass(frozen=True, config=STRICT)
class Cohort:
    """Honest accounts of one kind; cohorts of one `company` share its domain, card and exits."""

    name: str
    accounts: int
    contents: tuple[Content, ...]
    traffic: Traffic
    platforms: dict[Platform, float] = field(default_factory=lambda: {"native": 1.0})
    identity: Identity = field(default_factory=Identity)
    signup: Signup = field(default_factory=Signup)
    network: Network = field(default_factory=Network)
    clients: Clients = field(default_factory=Clients)
    migration: Migration = field(default_factory=Migration)
    banned_ratio: float = 0.0
    closed_ratio: float = 0.0
    allowlisted: str | None = None
    company: str = ""


@dataclass(frozen=True, config=STRICT)
class Ban:
    """When a pool's accounts are banned; a cloud platform follows `cloud_delay_hours` later."""

    at: datetime
    over_hours: float = 2.0
    cloud_delay_hours: float = 0.0
    blocked_hours: float = 12.0


@dataclass(frozen=True, config=STRICT)
class Bought:
    """Accounts with an honest past: until `at` their first owners use them, from home."""

    at: datetime
    per_day: float
    contents: tuple[Content, ...]


@dataclass(frozen=True, config=STRICT)
class Pool:
    """Accounts of an attacker that were opened together and serve together.

    A pool with `contents` of its own serves those instead of the attacker's.
    """

    name: str
    accounts: int
    platforms: dict[Platform, float]
    signup: Signup
    serves_from: datetime | None = None
    ban: Ban | None = None
    contents: tuple[Content, ...] = ()
    bought: Bought | None = None


@dataclass(frozen=True, config=STRICT)
class Attacker:
    """One campaign of a fictional organisation: its pools share everything but their opening.

    `off_platform` says why a campaign without pools leaves no trace in any log.
    """

    name: str
    organisation: str
    contents: tuple[Content, ...]
    traffic: Traffic
    pools: tuple[Pool, ...]
    off_platform: str = ""
    identity: Identity = field(default_factory=Identity)
    network: Network = field(default_factory=Network)
    clients: Clients = field(default_factory=Clients)


@dataclass(frozen=True, config=STRICT)
class World:
    """Everything that is simulated; days are UTC days.

    `scale` is the factor by which a reader multiplies the stated numbers of accounts; rates stay.
    """

    name: str
    description: str
    seed: int
    first_day: date
    days: int
    sources: tuple[Source, ...]
    models: tuple[Model, ...]
    cohorts: tuple[Cohort, ...]
    attackers: tuple[Attacker, ...] = ()
    delivery: Delivery = field(default_factory=Delivery)
    sdk_release_at: datetime | None = None
    scale: float = 1.0

    @property
    def start(self) -> datetime:
        """The first instant of the first day."""
        return datetime.combine(self.first_day, time(), tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after the last day."""
        return self.start + timedelta(days=self.days)

    @property
    def dates(self) -> tuple[date, ...]:
        """Every day, in order."""
        return tuple(self.first_day + timedelta(days=n) for n in range(self.days))


def deliver_as(world: World, wanted: Format, file_kind: FileKind | None = None) -> World:
    """Return the same world with every source delivering the logs of one format.

    Accounts, events and texts stay; ids and model names become those of the other platform.
    """
    return replace(
        world,
        sources=tuple(
            replace(
                source,
                platform=PLATFORMS[wanted],
                format=wanted,
                file_kind=file_kind or source.file_kind,
                home=source.home_platform,
            )
            for source in world.sources
        ),
    )

"""A few hundred accounts written straight as canonical Parquet, for tests of the dbt project.

Three established populations of ordinary users, one planted network of forty accounts, a class of
thirty with one assignment, and an evaluation company. No text: fingerprints are made from labels.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import canonical

DAYS = (date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3))
NETWORK_SIZE = 40


@dataclass(frozen=True)
class Person:
    """An account of the small world and the kind of user behind it."""

    account_key: str
    kind: str  # established | newcomer | student | evaluator | network


def people() -> list[Person]:
    """Return every account, in a fixed order."""
    counts = {"established": 400, "newcomer": 150, "student": 30, "evaluator": 4}
    listed = [
        Person(f"{kind}-{n:03d}", kind) for kind, count in counts.items() for n in range(count)
    ]
    return listed + [Person(f"network-{n:03d}", "network") for n in range(NETWORK_SIZE)]


def fingerprint(*parts: object) -> int:
    """Return a signed 64-bit number that stands for a text."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def write_small_world(home: Path, seed: int = 7) -> None:
    """Write the canonical exchanges and account snapshots of all days below `home`."""
    dice = random.Random(seed)
    for day in DAYS:
        exchanges = [row for person in people() for row in _exchanges(person, day, dice)]
        _write(
            home / f"canonical/exchanges/dt={day}/source=main/part-0.parquet",
            exchanges,
            canonical.EXCHANGES,
        )
        accounts = [_account(person, day) for person in people()]
        _write(
            home / f"canonical/accounts/dt={day}/source=main/accounts.parquet",
            accounts,
            canonical.ACCOUNTS,
        )


def _exchanges(person: Person, day: date, dice: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(_count(person, dice)):
        extracts = person.kind == "network" and dice.random() < 0.5
        hour = dice.randrange(24)
        if person.kind in ("established", "newcomer"):
            hour = min(23, max(0, int(dice.gauss(14, 3))))
        elif person.kind == "student":
            hour = dice.choice((9, 10))
        text: tuple[object, ...] = ("own words", dice.randrange(10**12))
        techniques: list[str] = []
        capability = "general"
        if extracts:
            text, techniques, capability = (
                ("template", number % 2),
                ["reasoning_elicitation"],
                "reasoning",
            )
        elif person.kind == "student":
            text, capability = ("assignment",), "reasoning"
        elif person.kind == "evaluator":
            text, techniques, capability = ("rubric",), ["rubric_grading"], "grading"
        row: dict[str, Any] = dict.fromkeys(canonical.EXCHANGES.names)
        row.update(
            exchange_key=f"{day}-{person.account_key}-{number}",
            source_id="main",
            platform="main",
            exchange_id=f"{day}-{person.account_key}-{number}",
            account_key=person.account_key,
            account_id=person.account_key,
            event_at=datetime(day.year, day.month, day.day, hour, dice.randrange(60), tzinfo=UTC),
            event_date=day,
            event_hour=hour,
            delivered_date=day,
            model="model-a",
            status="ok",
            input_tokens=200,
            output_tokens=dice.randrange(50, 500),
            max_tokens=600,
            client_ip="192.0.2.7" if person.kind == "student" else "198.51.100.9",
            ip_hex=f"{dice.randrange(2**20):032x}",
            ip_token="address",
            ip_net_token=f"network-{dice.randrange(3)}",
            user_agent_token="agent",
            client_token=f"client-{dice.randrange(3)}",
            has_text=True,
            prompt_fp=fingerprint("prompt", dice.random()),
            prefix_fp_8=fingerprint(text),
            prefix_fp_16=fingerprint(text, 16),
            technique_codes=techniques,
            capability_code=capability,
        )
        rows.append(row)
    return rows


def _count(person: Person, dice: random.Random) -> int:
    match person.kind:
        case "network":
            return 12
        case "student":
            return dice.randint(3, 7)
        case "evaluator":
            return 60
        case _:
            return max(1, int(dice.lognormvariate(1.5, 1.0)))


def _account(person: Person, day: date) -> dict[str, Any]:
    number = int(person.account_key.rsplit("-", 1)[1])
    row: dict[str, Any] = dict.fromkeys(canonical.ACCOUNTS.names)
    row.update(
        account_key=person.account_key,
        account_id=person.account_key,
        source_id="main",
        platform="main",
        snapshot_date=day,
        created_at=datetime(2026, 10, 1 + number % 28, tzinfo=UTC),
        status="active",
        email_domain=f"mail-{number % 50}.example",
        email_grammar=f"L{number % 9}",
        payment_bin=f"4000{number % 30:02d}",
        payment_type="card",
        billing_country="US",
        plan="pro",
        kyc_level="email",
        signup_path="self_serve",
        signup_country="US",
    )
    if person.kind in ("established", "evaluator"):
        row["created_at"] = datetime(2026, 1, 1 + number % 28, tzinfo=UTC)
    if person.kind == "evaluator":
        row.update(email_domain="evals.example", kyc_level="document", signup_path="enterprise")
    if person.kind == "student":
        row.update(email_domain="college.example", signup_path="education", payment_bin=None)
        row["created_at"] = datetime(2026, 10, 28, tzinfo=UTC)
    if person.kind == "network":
        row.update(email_domain="throwaway.example", email_grammar="L3D4", payment_bin="555555")
    return row


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)

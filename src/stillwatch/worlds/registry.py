"""What the account registry of a platform says about one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stillwatch.worlds import clients, people, places
from stillwatch.worlds.draws import draw_key
from stillwatch.worlds.model import Identity


@dataclass(frozen=True)
class Cards:
    """Card prefixes by type, and instruments, that the accounts of a group have in common."""

    bins: dict[str, tuple[str, ...]]
    instruments: tuple[str, ...]


def draw_registry(
    rng: np.random.Generator,
    identity: Identity,
    cards: Cards,
    country: places.Country,
    organisation: people.Organisation | None,
    signup: places.Exit,
    client: clients.Fingerprint,
) -> dict[str, Any]:
    """Return what the registry of a platform with sign-up knows of one account."""
    payment = draw_key(rng, identity.payment)
    pool = cards.bins.get(payment, ())
    instrument = f"pm_{people.draw_hex(rng, 20)}"
    card_bin = people.draw_card_bin(rng, payment, pool)
    if identity.payment_reuse and rng.random() < identity.payment_reuse:
        shared = cards.instruments
        instrument = shared[int(rng.integers(len(shared)))]
    if organisation and (identity.shared_instrument or payment == "invoice"):
        instrument = organisation.instrument
        card_bin = organisation.card_bin if payment == "card" else card_bin
    email = people.draw_email(
        rng, draw_key(rng, identity.email), identity.email_script, organisation
    )
    has_phone = rng.random() < identity.phone_ratio
    uses = identity.declared_use
    return {
        "email": email,
        "phone": people.draw_phone(rng, country.calling_code) if has_phone else None,
        "payment_instrument": instrument,
        "payment_bin": card_bin,
        "payment_type": payment,
        "billing_country": country.code,
        "signup_ip": signup.address,
        "signup_user_agent": client.user_agent,
        "signup_ja4": client.ja4,
        "signup_country": signup.country,
        "signup_path": draw_key(rng, identity.signup_path),
        "plan": draw_key(rng, identity.plan),
        "seat_count": identity.seats,
        "kyc_level": draw_key(rng, identity.kyc),
        "declared_use": uses[int(rng.integers(len(uses)))] if uses else None,
    }


def draw_cloud_registry(rng: np.random.Generator, country: places.Country) -> dict[str, Any]:
    """Return what is known of an account that belongs to a cloud platform."""
    known = rng.random() < 0.15  # a cloud platform passes on little about its customers
    return {
        "payment_type": "cloud_marketplace",
        "billing_country": country.code if known else None,
        "signup_path": "partner",
        "plan": "cloud_marketplace",
    }

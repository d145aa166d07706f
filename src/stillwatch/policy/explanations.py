"""The sentences that say why a party is listed, may be listed or counts as owned."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from stillwatch.policy.matching import Grade, Match
from stillwatch.policy.ownership import Holding, Owned

_NAMED_HOLDERS = 5


def compare_countries(country: str | None, listed: Collection[str]) -> str:
    """Return whether an entity's country is among those of a listed party.

    >>> compare_countries("SG", ["SG", "CN"]), compare_countries("SG", ["RU"])
    ('agree', 'differ')
    >>> compare_countries("ZZ", ["RU"])
    'unknown'
    """
    if country in (None, "ZZ") or not listed:
        return "unknown"
    return "agree" if country in listed else "differ"


def explain_match(match: Match, country: str | None, agreement: str) -> str:
    """Return a match as a sentence: which names, which words, which countries."""
    party = match.party
    whose = "" if match.listed_name == party.name else f" of {party.name}"
    names = f"{match.asked_name!r} and the listed {match.origin} {match.listed_name!r}{whose}"
    if match.grade is Grade.EXACT:
        parts = [f"{names} agree in all words"]
    else:
        parts = [f"{names} score {match.score:.2f}"]
        if match.words_agree:
            parts.append(f"agree in {', '.join(match.words_agree)}")
        if match.words_similar:
            pairs = ", ".join(f"{one} / {other}" for one, other in match.words_similar)
            parts.append(f"alike in {pairs}")
        if match.words_only_asked:
            parts.append(f"only here {', '.join(match.words_only_asked)}")
        if match.words_only_listed:
            parts.append(f"only on the list {', '.join(match.words_only_listed)}")
    if not match.is_distinctive:
        parts.append("the name is too short or too common to tell one party")
    if party.party_type == "individual":
        parts.append("the listed party is a person, whose name others bear")
    listed = ", ".join(party.countries) or "none given"
    parts.append(f"countries {agreement}: {country or 'none given'} here, {listed} on the list")
    return "; ".join(parts)


def explain_holding(
    owned: Owned, listed: Mapping[str, str], counted: Collection[str], names: Mapping[str, str]
) -> str:
    """Return who holds an entity as a sentence, the largest holders first.

    `listed` gives the list of each listed party, `counted` those that count as listed because
    they are owned.
    """
    holders = sorted(owned.holders, key=lambda item: (-(item.upper_percent or 0), item.owner_id))
    told = [_tell(holder, listed, counted, names) for holder in holders[:_NAMED_HOLDERS]]
    if len(holders) > _NAMED_HOLDERS:
        told.append(f"and {len(holders) - _NAMED_HOLDERS} more")
    parts = ["; ".join(told) or "no owner is listed or counts as listed"]
    if owned.upper_percent > owned.lower_percent:
        parts.append(
            f"in all {owned.lower_percent:g} percent at least, {owned.upper_percent:g} at most"
        )
    else:
        parts.append(f"in all {owned.lower_percent:g} percent")
    if owned.multiplied_percent != owned.lower_percent:
        parts.append(f"{owned.multiplied_percent:g} percent with shares multiplied through")
    if owned.known_percent > 100.0:
        parts.append(f"the recorded shares add up to {owned.known_percent:g} percent: check them")
    return "; ".join(parts)


def _tell(
    holder: Holding, listed: Mapping[str, str], counted: Collection[str], names: Mapping[str, str]
) -> str:
    if holder.upper_percent is None:
        share = "an unknown share"
    elif holder.is_disputed:
        share = f"{holder.lower_percent:g} to {holder.upper_percent:g} percent (sources differ)"
    else:
        share = f"{holder.lower_percent:g} percent"
    if holder.owner_id in listed:
        why = f"listed: {listed[holder.owner_id]}"
    elif holder.owner_id in counted:
        why = "counts as listed, being owned"
    else:
        why = "may count as listed"
    return f"{share} by {names.get(holder.owner_id, holder.owner_id)} ({why})"

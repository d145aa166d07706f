"""The words of the reports: likelihood terms, labels of codes, dates and figures as text.

Likelihood follows ICD 203: a probability is mapped to one of seven terms, and the
confidence in that judgement is a separate word that never stands in the same sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

LIKELIHOOD_BANDS = (
    ("almost no chance", "below 5 %"),
    ("very unlikely", "5 % to below 20 %"),
    ("unlikely", "20 % to below 45 %"),
    ("roughly even chance", "45 % to below 55 %"),
    ("likely", "55 % to below 80 %"),
    ("very likely", "80 % to below 95 %"),
    ("almost certain", "95 % and above"),
)
CONFIDENCE_MEANINGS = (
    ("low", "few independent kinds of evidence, or important data missing; may change soon"),
    ("moderate", "several independent kinds agree, but a gap in the data or an open alternative"),
    ("high", "many independent kinds agree, data complete; new facts are unlikely to reverse it"),
)

_CAPABILITIES = {
    "reasoning": "reasoning",
    "coding": "coding",
    "agentic_tool_use": "agentic tool use",
    "computer_use": "computer use",
    "computer_vision": "computer vision",
    "data_analysis": "data analysis",
    "grading": "grading by rubric",
    "rewriting": "rewriting",
    "kernel_engineering": "kernel engineering",
    "cyber": "cyber security",
    "general": "general use",
}
_TECHNIQUES = {
    "reasoning_elicitation": "elicitation of hidden reasoning",
    "rubric_grading": "rubric grading",
    "trace_cleaning": "cleaning of reasoning traces",
    "censorship_safe_rewriting": "censorship-safe rewriting",
    "jailbreak": "jailbreak prompts",
    "model_identity_probe": "probes of the model's identity",
    "quality_probe": "probes of answer quality",
    "bulk_instruction": "bulk instruction making",
}
_FAMILIES = {
    "equal_share": "equal shares of load",
    "signup_spread": "closeness of sign-ups",
    "shared_attributes": "shared attributes",
    "synchrony": "synchrony",
    "content": "shared content",
    "arbitrage": "safeguard arbitrage",
    "failover": "failover after a block",
    "search": "search for a wording",
}
_TONE_SHAPES = {"alarm": "■", "watch": "▲", "calm": "●", "plain": "○"}
_CONFIDENCE_PHRASE = re.compile(r"\bconfidence\b", re.IGNORECASE)
_LIKELIHOOD_PHRASE = re.compile(
    r"\b(almost no chance|very unlikely|unlikely|roughly even|very likely|almost certain|likely)\b",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"\b(proves?|proven|stole|stolen by|thief|thieves|guilty)\b", re.IGNORECASE)
_CONFIRMED = re.compile(r"\bconfirmed\b", re.IGNORECASE)
_SMALL_NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip


def label_capability(code: str | None) -> str:
    """Return the words for a capability code, or "not assessed" if there is none."""
    return _CAPABILITIES.get(code, code.replace("_", " ")) if code else "not assessed"


def label_technique(code: str) -> str:
    """Return the words for a technique code."""
    return _TECHNIQUES.get(code, code.replace("_", " "))


def label_family(code: str) -> str:
    """Return the words for an evidence family."""
    return _FAMILIES.get(code, code.replace("_", " "))


def label_platform(code: str) -> str:
    """Return the words for a platform id."""
    known = {"native": "native API", "aws_bedrock": "AWS Bedrock"}
    return known.get(code, code.replace("_", " "))


def label_link(code: str) -> str:
    """Return the words for a kind of link between accounts."""
    return code.replace("_fp_", " fingerprint, ").replace("_", " ")


def write_shape(tone: str) -> str:
    """Return the shape that stands beside a tone's colour, so that colour never speaks alone."""
    return _TONE_SHAPES[tone]


def write_count(number: int) -> str:
    """Return a small number in words, a larger one in digits.

    >>> write_count(3), write_count(1200)
    ('three', '1,200')
    """
    return _SMALL_NUMBERS[number] if 0 <= number < len(_SMALL_NUMBERS) else f"{number:,}"


def plural(number: float | None, one: str, many: str | None = None) -> str:
    """Return the noun that fits the number.

    >>> plural(1, "account"), plural(2, "account")
    ('account', 'accounts')
    """
    return one if number == 1 else many or one + "s"


def join_words(words: Iterable[str], last: str = "and") -> str:
    """Return a list as prose.

    >>> join_words(["a", "b", "c"])
    'a, b and c'
    """
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def write_date(day: date | None) -> str:
    """Return a day as "12 November 2026", or "Unknown"."""
    return f"{day.day} {day:%B %Y}" if day else "Unknown"


def write_instant(instant: datetime | None) -> str:
    """Return an instant as "12 Nov 2026, 08:15 UTC", or "Unknown"."""
    return f"{instant.day} {instant:%b %Y, %H:%M} UTC" if instant else "Unknown"


def write_period(period_from: date, period_until: date) -> str:
    """Return a half-open period with both its last included day and the clock.

    >>> write_period(date(2026, 11, 6), date(2026, 11, 13))
    '6 to 12 November 2026, UTC'
    """
    last = period_until - timedelta(days=1)
    if last == period_from:
        return f"{write_date(last)}, UTC"
    if (last.year, last.month) == (period_from.year, period_from.month):
        return f"{period_from.day} to {write_date(last)}, UTC"
    if last.year == period_from.year:
        return f"{period_from.day} {period_from:%B} to {write_date(last)}, UTC"
    return f"{write_date(period_from)} to {write_date(last)}, UTC"


def write_value(value: float | None, unit: str) -> str:
    """Return a figure as it is printed.

    >>> write_value(1234567, "count"), write_value(0.009, "ratio"), write_value(-1.25, "log10")
    ('1,234,567', '0.9\\xa0%', '−1.25')
    >>> write_value(0.9999, "probability"), write_value(None, "count")
    ('>\\xa099.9\\xa0%', 'Unknown')
    """
    if value is None:
        return "Unknown"
    match unit:
        case "count" | "tokens":
            return f"{round(value):,}".replace("-", "−")
        case "bytes":
            return _write_bytes(value)
        case "ratio":
            return _write_percent(value)
        case "probability":
            return ">\u00a099.9\u00a0%" if 0.999 < value < 1 else _write_percent(value)
        case "log10":
            return f"{value:+.2f}".replace("-", "−")
        case "days":
            return f"{value:.1f}".removesuffix(".0").replace("-", "−")
        case "change":
            return f"{round(value):+,}".replace("-", "−") if round(value) else "0"
        case "points":
            return f"{100 * value:+.1f}".replace("-", "−")
        case "number":
            return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
        case _:
            raise ValueError(
                f"unit {unit!r} of a figure is not known to stillwatch.reporting.wording"
            )


def find_wording_faults(text: str, is_confirmed: bool = False) -> list[str]:
    """Return each sentence that breaks a wording rule, with the rule's name before it.

    >>> find_wording_faults("It is likely, with high confidence, a campaign.")
    ['likelihood and confidence in one sentence: It is likely, with high confidence, a campaign.']
    """
    faults = []
    for sentence in re.split(r"(?<=[.!?:;])\s+", " ".join(text.split())):
        if _CONFIDENCE_PHRASE.search(sentence) and _LIKELIHOOD_PHRASE.search(sentence):
            faults.append(f"likelihood and confidence in one sentence: {sentence}")
        if _FORBIDDEN.search(sentence):
            faults.append(f"a word that asserts guilt: {sentence}")
        if not is_confirmed and _CONFIRMED.search(sentence):
            faults.append(f"confirmed without a decision: {sentence}")
    return faults


def _write_percent(value: float) -> str:
    percent = 100 * value
    if 0 < percent < 0.1:
        return "<\u00a00.1\u00a0%"
    return f"{percent:.1f}\u00a0%"


def _write_bytes(value: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.1f}\u00a0{unit}"
    return f"{value:.0f}\u00a0bytes"

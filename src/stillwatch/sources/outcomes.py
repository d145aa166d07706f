"""How an exchange ended, from HTTP codes, gRPC codes, error names and finish reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OK = "ok"
REFUSED = "refused"
RATE_LIMITED = "rate_limited"
BLOCKED = "blocked"
ERROR = "error"

# Parts of error names and codes in lower case, without separators; the first list that fits wins.
_REFUSED_NAMES = (
    "contentfilter", "contentpolicy", "responsibleai", "guardrail", "moderationblocked", "safety",
    "prohibitedcontent", "blocklist", "recitation", "contentblocked",
)  # fmt: skip
_LIMITED_NAMES = (
    "throttl", "ratelimit", "toomanyrequests", "resourceexhausted", "quota", "limitexceeded",
    "limitreached", "429",
)  # fmt: skip
_BLOCKED_NAMES = (
    "accessdenied", "unauthorized", "unauthenticated", "authentication", "forbidden",
    "permissiondenied", "permissionerror", "unrecognizedclient", "expiredtoken", "budgetexceeded",
    "invalidapikey", "ipfilter", "suspended", "subscriptionkey", "401", "403",
)  # fmt: skip
_REFUSED_FINISHES = frozenset(
    {
        "contentfilter", "contentfiltered", "refusal", "safety", "recitation", "blocklist",
        "prohibitedcontent", "spii", "imagesafety", "imageprohibitedcontent", "imagerecitation",
        "modelarmor", "guardrailintervened", "intervened",
    }
)  # fmt: skip
_GRPC_LIMITED = (8,)
_GRPC_BLOCKED = (7, 16)


def judge_http(code: Any) -> str | None:
    """Return the status of an HTTP code, number or text; None if it is no code.

    >>> judge_http("429"), judge_http(403), judge_http(200), judge_http(503)
    ('rate_limited', 'blocked', 'ok', 'error')
    """
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    if type(code) is float and code.is_integer():
        code = int(code)
    if type(code) is not int or not 100 <= code <= 599:
        return None
    if code < 400:
        return OK
    if code == 429:
        return RATE_LIMITED
    if code in (401, 403):
        return BLOCKED
    return ERROR


def judge_grpc(code: Any) -> str | None:
    """Return the status of a gRPC code, as Google Cloud logs it; None if it is no code."""
    if type(code) is not int or not 0 <= code <= 16:
        return None
    if code == 0:
        return OK
    if code in _GRPC_LIMITED:
        return RATE_LIMITED
    return BLOCKED if code in _GRPC_BLOCKED else ERROR


def judge_error(*names: Any) -> str:
    """Return the status of an error from its codes and class names; at the least `error`.

    >>> judge_error("RateLimitError"), judge_error("content_filter"), judge_error(None, "timeout")
    ('rate_limited', 'refused', 'error')
    """
    texts = [_plain(name) for name in names if isinstance(name, str | int)]
    for status, parts in (
        (REFUSED, _REFUSED_NAMES),
        (RATE_LIMITED, _LIMITED_NAMES),
        (BLOCKED, _BLOCKED_NAMES),
    ):
        if any(part in text for text in texts for part in parts):
            return status
    return ERROR


def is_refusal(reasons: Iterable[Any]) -> bool:
    """Return whether a finish reason says that the reply was withheld or refused."""
    return any(_plain(reason) in _REFUSED_FINISHES for reason in reasons if isinstance(reason, str))


def _plain(name: str | int) -> str:
    return "".join(char for char in str(name)[:200].lower() if char.isalnum())

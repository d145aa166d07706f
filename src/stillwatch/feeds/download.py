"""Conditional HTTP pulls that neither hang, nor swallow the disk, nor follow a redirect inwards."""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from stillwatch.feeds.addresses import find_special, to_number
from stillwatch.feeds.entries import is_html
from stillwatch.runs import utc_now

_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML_TYPES = ("text/html", "application/xhtml")


@dataclass(frozen=True)
class PullLimits:
    """How long and how much a pull may take."""

    connect_seconds: float = 10
    read_seconds: float = 30
    deadline_seconds: float = 180  # of one attempt as a whole: a slow drip ends here
    max_bytes: int = 128 * 1024 * 1024
    attempts: int = 4
    first_wait_seconds: float = 2
    longest_wait_seconds: float = 60  # a server that asks for more is left for the next run
    max_redirects: int = 5


class PullFailedError(Exception):
    """A pull did not bring a usable answer; `reason` is its code."""

    def __init__(
        self, reason: str, detail: str, is_transient: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.is_transient = is_transient
        self.wait = wait  # seconds that the server asked for


@dataclass(frozen=True)
class Answer:
    """A server's answer; `content` is None if it said that nothing has changed."""

    status: int
    url: str
    content: bytes | None
    etag: str | None
    last_modified: str | None


def download(
    url: str,
    etag: str | None = None,
    last_modified: str | None = None,
    limits: PullLimits | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Return the answer to a conditional GET; raise PullFailedError when all attempts failed.

    Server errors, 429 and broken connections are tried again with growing waits, or after the
    wait that the server asked for. A wait beyond the limit ends the pull: the last good version
    serves until the next run.
    """
    limits = limits or PullLimits()
    headers = {"User-Agent": "stillwatch", "Accept-Encoding": "identity"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    retrying = Retrying(
        stop=stop_after_attempt(limits.attempts),
        retry=retry_if_exception(lambda error: _is_worth_a_retry(error, limits)),
        wait=lambda state: _get_wait(state, url, limits),
        sleep=sleep,
        reraise=True,
    )
    answer: Answer = retrying(_attempt, url, headers, limits)
    return answer


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header (a number or an HTTP date), None if unusable.

    >>> parse_retry_after("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max(0.0, (instant - now).total_seconds())


def _is_worth_a_retry(error: BaseException, limits: PullLimits) -> bool:
    if not isinstance(error, PullFailedError) or not error.is_transient:
        return False
    return error.wait is None or error.wait <= limits.longest_wait_seconds


def _get_wait(state: RetryCallState, url: str, limits: PullLimits) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, PullFailedError) and error.wait is not None:
        return error.wait
    spread = 1 + zlib.crc32(f"{url} {state.attempt_number}".encode()) / 2**32  # feeds do not march
    wait: float = limits.first_wait_seconds * 2 ** (state.attempt_number - 1) * spread
    return min(wait, limits.longest_wait_seconds)


def _attempt(url: str, headers: dict[str, str], limits: PullLimits) -> Answer:
    deadline = time.monotonic() + limits.deadline_seconds
    timeout = httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            target = httpx.URL(url)
            for hop in range(limits.max_redirects + 1):
                with client.stream("GET", target, headers=headers) as response:
                    if hop:
                        _check_peer(response)
                    if response.status_code not in _REDIRECTS:
                        return _read(response, limits, deadline)
                    target = _follow(response, target)
    except httpx.InvalidURL as error:
        raise PullFailedError("bad_url", f"{url}: {error}") from error
    except httpx.TransportError as error:
        text = f"{url}: {type(error).__name__} {error}".rstrip()
        raise PullFailedError("unreachable", text, is_transient=True) from error
    raise PullFailedError("redirect_loop", f"{url}: more than {limits.max_redirects} redirects")


def _follow(response: httpx.Response, target: httpx.URL) -> httpx.URL:
    location = response.headers.get("location", "")
    try:
        upcoming = target.join(location)
    except httpx.InvalidURL as error:
        raise PullFailedError("redirect_refused", f"{target} to {location!r}: {error}") from error
    if not location or target.scheme != "https" or upcoming.scheme != "https":
        raise PullFailedError(
            "redirect_refused",
            f"{target} to {location!r}: only https to https is followed; "
            "put the final address into `url`",
        )
    _check_host(upcoming)
    return upcoming


def _check_host(url: httpx.URL) -> None:
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PullFailedError("unreachable", f"{url.host}: {error}", is_transient=True) from error
    for *_, address in found:
        _refuse_inside(str(address[0]), url.host)


def _check_peer(response: httpx.Response) -> None:
    """Refuse an answer from inside the network, whatever the name service said a moment ago."""
    stream: Any = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if peer:
        _refuse_inside(str(peer[0]), response.url.host)


def _refuse_inside(address: str, host: str) -> None:
    number = to_number(address.split("%", 1)[0])
    if find_special(number, number) is not None:
        raise PullFailedError(
            "redirect_refused", f"a redirect to {host} ({address}) leads into a private network"
        )


def _read(response: httpx.Response, limits: PullLimits, deadline: float) -> Answer:
    status = response.status_code
    etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
    if status == 304:
        return Answer(status, str(response.url), None, etag, modified)
    if status != 200:
        wait = parse_retry_after(response.headers.get("retry-after"), utc_now())
        hint = " (a key needed?)" if status in (401, 403) else ""
        detail = f"{response.url} answered {status}{hint}"
        if wait is not None:
            detail += f", retry after {wait:.0f} s"
        raise PullFailedError(f"http_{status}", detail, status in _TRANSIENT, wait)
    if response.headers.get("content-type", "").lower().startswith(_HTML_TYPES):
        raise PullFailedError("html_page", f"{response.url} answered with a web page, not data")
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > limits.max_bytes:
            raise PullFailedError(
                "too_large", f"{response.url} sent more than {limits.max_bytes} bytes"
            )
        if time.monotonic() > deadline:
            raise PullFailedError(
                "too_slow", f"{response.url}: not done after {limits.deadline_seconds:.0f} s", True
            )
    if is_html(bytes(content[:2048]).decode("utf-8", "replace")):
        raise PullFailedError("html_page", f"{response.url} answered with a web page, not data")
    return Answer(status, str(response.url), bytes(content), etag, modified)

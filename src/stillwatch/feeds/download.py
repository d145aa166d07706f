"""HTTP pulls that neither hang, nor swallow the disk, nor follow a redirect inwards."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from stillwatch.feeds.access import Credential
from stillwatch.feeds.body import BadBodyError, unpack
from stillwatch.feeds.entries import is_html
from stillwatch.feeds.redirects import (
    RedirectRefusedError,
    check_addresses,
    classify,
    follow,
    get_origin,
    resolve,
)
from stillwatch.feeds.waits import PullLimits, get_backoff, parse_retry_after
from stillwatch.runs import utc_now

__all__ = ["Answer", "Fetcher", "PullFailedError", "PullLimits", "download", "parse_retry_after"]

for _name in ("httpx", "httpcore"):  # they log every URL and header, with whatever is in them
    logging.getLogger(_name).setLevel(logging.WARNING)

_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML_TYPES = ("text/html", "application/xhtml")
_LONGEST_DETAIL = 500
_HEADERS = {"User-Agent": "stillwatch", "Accept-Encoding": "identity"}


class PullFailedError(Exception):
    """A pull did not bring a usable answer; `reason` is its code."""

    def __init__(
        self, reason: str, detail: str, is_transient: bool = False, wait: float | None = None
    ) -> None:
        if len(detail) > _LONGEST_DETAIL:
            detail = f"{detail[:_LONGEST_DETAIL]} …"
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
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


def download(
    url: str,
    etag: str | None = None,
    last_modified: str | None = None,
    limits: PullLimits | None = None,
    sleep: Callable[[float], None] = time.sleep,
    credential: Credential | None = None,
) -> Answer:
    """Return the answer to a conditional GET; raise PullFailedError when all attempts failed."""
    headers = {}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    with Fetcher(url, limits, sleep, credential) as fetcher:
        return fetcher.get(url, headers)


class Fetcher:
    """Sends the requests of one pull: they share connections, the key and the time they may take.

    Server errors, 429 and broken connections are tried again with growing waits, or after the
    wait that the server asked for. A wait beyond the limit ends the pull: the last good version
    serves until the next run. The key is sent to the origin of the configured URL only.
    """

    def __init__(
        self,
        url: str,
        limits: PullLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        credential: Credential | None = None,
    ) -> None:
        self._limits = limits or PullLimits()
        self._sleep = sleep
        self._credential = credential
        self._deadline = time.monotonic() + self._limits.total_seconds
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise PullFailedError("bad_url", f"{url}: {error}") from error
        timeout = httpx.Timeout(self._limits.read_seconds, connect=self._limits.connect_seconds)
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; raise PullFailedError when all attempts failed."""
        retrying = Retrying(
            stop=stop_after_attempt(self._limits.attempts),
            retry=retry_if_exception(self._is_worth_a_retry),
            wait=lambda state: self._get_wait(state, url),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answer: Answer = retrying(self._attempt, url, headers or {})
        except PullFailedError as error:
            if self._credential is None:
                raise
            detail = self._credential.hide(error.detail)
            hidden = PullFailedError(error.reason, detail, error.is_transient, error.wait)
            raise hidden from None  # the cause might show what the text hides
        self._check_echo(answer)
        return answer

    def _is_worth_a_retry(self, error: BaseException) -> bool:
        if not isinstance(error, PullFailedError) or not error.is_transient:
            return False
        wait = error.wait or 0
        has_time = time.monotonic() + wait < self._deadline
        return has_time and wait <= self._limits.longest_wait_seconds

    def _get_wait(self, state: RetryCallState, url: str) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, PullFailedError) and error.wait is not None:
            return error.wait
        return get_backoff(f"{socket.gethostname()} {url}", state.attempt_number, self._limits)

    def _check_echo(self, answer: Answer) -> None:
        """Refuse an answer that repeats our key: it would land with it."""
        if self._credential is None:
            return
        kept = " ".join((answer.url, *answer.headers.values())).encode("utf-8", "replace")
        if self._credential.is_in(kept) or self._credential.is_in(answer.content or b""):
            raise PullFailedError("secret_echoed", f"{self._url.host} repeats the key it was sent")

    def _attempt(self, url: str, headers: Mapping[str, str]) -> Answer:
        limits = self._limits
        deadline = min(time.monotonic() + limits.deadline_seconds, self._deadline)
        try:
            target = httpx.URL(url)
            for hop in range(limits.max_redirects + 1):
                if hop:
                    self._check_host(target)
                with self._send(target, headers, deadline, is_redirected=hop > 0) as response:
                    if response.status_code not in _REDIRECTS:
                        shown = target.copy_with(query=None, fragment=None) if hop else target
                        return self._read(response, str(shown), deadline)  # a query may be a pass
                    target = follow(target, response.headers.get("location", ""))
        except httpx.InvalidURL as error:
            raise PullFailedError("bad_url", f"{url}: {error}") from error
        except BadBodyError as error:
            raise PullFailedError("unreadable", f"{url}: {error}") from error
        except RedirectRefusedError as error:
            raise PullFailedError("redirect_refused", str(error)) from error
        except httpx.TransportError as error:
            if time.monotonic() > deadline:
                raise self._make_too_slow(url) from error
            text = f"{url}: {type(error).__name__} {error}".rstrip()
            reason = "unknown_host" if _is_name_failure(error) else "unreachable"
            raise PullFailedError(reason, text, is_transient=True) from error
        raise PullFailedError("redirect_loop", f"{url}: more than {limits.max_redirects} redirects")

    @contextmanager
    def _send(
        self, target: httpx.URL, headers: Mapping[str, str], deadline: float, is_redirected: bool
    ) -> Iterator[httpx.Response]:
        sent = _HEADERS | dict(headers)
        if self._credential is not None and get_origin(target) == get_origin(self._url):
            sent[self._credential.header] = self._credential.value

        def watch(event: str, info: Mapping[str, Any]) -> None:
            if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
                return
            stream = info["return_value"]
            self._sockets.append(stream.get_extra_info("socket"))
            if time.monotonic() > deadline:  # the timer has been and gone
                raise self._make_too_slow(target)
            peer = stream.get_extra_info("server_addr")
            if is_redirected and peer:  # whatever the name service said a moment ago
                self._check_addresses(target.host, [str(peer[0]).split("%", 1)[0]])

        timer = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [self._sockets])
        timer.daemon = True
        timer.start()
        try:
            extensions = {"trace": watch}
            with self._client.stream("GET", target, headers=sent, extensions=extensions) as answer:
                yield answer
        finally:
            timer.cancel()

    def _check_host(self, url: httpx.URL) -> None:
        try:
            addresses = resolve(url.host, get_origin(url)[2] or 443)
        except (OSError, UnicodeError) as error:
            detail = f"{url.host}: {error}"
            raise PullFailedError("unknown_host", detail, is_transient=True) from error
        self._check_addresses(url.host, addresses)

    def _check_addresses(self, host: str, addresses: list[str]) -> None:
        own: frozenset[str] = frozenset()
        if classify(addresses):
            with suppress(OSError, UnicodeError):
                own = classify(resolve(self._url.host, get_origin(self._url)[2] or 443))
        check_addresses(host, addresses, own)

    def _make_too_slow(self, url: object) -> PullFailedError:
        seconds = min(self._limits.deadline_seconds, self._limits.total_seconds)
        return PullFailedError("too_slow", f"{url}: not done after {seconds:.0f} s", True)

    def _read(self, response: httpx.Response, url: str, deadline: float) -> Answer:
        status = response.status_code
        headers = {key.lower(): value for key, value in response.headers.items()}
        etag, modified = headers.get("etag"), headers.get("last-modified")
        if status == 304:
            return Answer(status, url, None, etag, modified, headers)
        if status != 200:
            wait = parse_retry_after(headers.get("retry-after"), utc_now())
            hint = " (a key needed?)" if status in (401, 403) else ""
            detail = f"{url} answered {status}{hint}"
            if wait is not None:
                detail += f", retry after {wait:.0f} s"
            raise PullFailedError(f"http_{status}", detail, status in _TRANSIENT, wait)
        if headers.get("content-type", "").lower().startswith(_HTML_TYPES):
            raise PullFailedError("html_page", f"{url} answered with a web page, not data")
        content = bytearray()
        encoding = headers.get("content-encoding", "")
        for chunk in unpack(response.iter_raw(), encoding, self._limits.max_bytes):
            content += chunk
            if len(content) > self._limits.max_bytes:
                raise PullFailedError(
                    "too_large", f"{url} sent more than {self._limits.max_bytes} bytes"
                )
            if time.monotonic() > deadline:
                raise self._make_too_slow(url)
        if time.monotonic() > deadline:  # the end may be that the connection was cut
            raise self._make_too_slow(url)
        if is_html(bytes(content[:2048]).decode("utf-8", "replace")):
            raise PullFailedError("html_page", f"{url} answered with a web page, not data")
        return Answer(status, url, bytes(content), etag, modified, headers)


def _cut(sockets: list[socket.socket]) -> None:
    """End all reads and writes on some connections; their owner sees them end and closes them."""
    for found in list(sockets):
        with suppress(OSError):
            socket.socket.shutdown(found, socket.SHUT_RDWR)


def _is_name_failure(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False

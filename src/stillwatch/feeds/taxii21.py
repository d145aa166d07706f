"""A TAXII 2.1 client that reads one collection completely, or says why it could not.

Discovery leads to the API root, the root to the collection, the collection to its objects, page by
page. The answers are handed back as they were received.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urljoin

import httpx

from stillwatch.feeds.answers import ByteBudget, load_object
from stillwatch.feeds.download import Answer, PullFailedError
from stillwatch.feeds.redirects import get_origin
from stillwatch.feeds.registry import TaxiiHints
from stillwatch.feeds.taxii21_pages import Page, PagedObjects, Query, read_pages

MEDIA_TYPE = "application/taxii+json;version=2.1"

_MEDIA_TYPE = re.compile(r"^application/taxii\+json(?:;version=(?P<version>[^;]+))?(?:;|$)")
_OLD_MEDIA_TYPE = "application/vnd.oasis."
_MOST_ROOTS = 20


class Get(Protocol):
    """Sends one request; `Fetcher.get` is one."""

    def __call__(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer or raise PullFailedError."""


def find_collection(get: Get, url: str, hints: TaxiiHints) -> str:
    """Return the URL of a collection, found by its id, alias or title.

    API roots that discovery names count only if they lie on the server that was configured: else
    it could send us, and our key, anywhere.
    """
    roots = [_end(hints.api_root)] if hints.api_root else _list_roots(get, url)
    problems = []
    for root in roots:
        try:
            _check_version(root, _get_json(get, root))
            found = _match(root, _get_json(get, urljoin(root, "collections/")), hints.collection)
        except PullFailedError as error:
            if error.is_transient or error.wait is not None or len(roots) == 1:
                raise
            problems.append(error.detail)
            continue
        if found is not None:
            return found
        problems.append(f"{root} does not list it")
    raise PullFailedError(
        "no_collection", f"collection {hints.collection!r}: {'; '.join(problems)}"
    )


def pull_objects(
    get: Get,
    collection: str,
    hints: TaxiiHints,
    added_after: str | None,
    max_bytes: int,
) -> PagedObjects:
    """Return all pages of a collection's objects that were added after an instant (None: all)."""
    objects_url = urljoin(collection, "objects/")
    budget = ByteBudget(objects_url, max_bytes)

    def get_page(query: Query) -> Page:
        answer = _get(get, str(httpx.URL(objects_url, params=query.to_params())))
        budget.spend(answer.content or b"")
        return _read_page(answer)

    return read_pages(get_page, hints, added_after)


def _list_roots(get: Get, url: str) -> list[str]:
    document = _get_json(get, _end(url))
    roots = document.get("api_roots", [])
    default = document.get("default")
    if not isinstance(roots, list) or not all(isinstance(root, str) for root in roots):
        raise PullFailedError("unreadable", f"{url}: `api_roots` is not a list of URLs")
    if isinstance(default, str):
        roots = [default, *roots]
    if not roots:
        text = f"{url} names no API root: set `taxii: {{api_root: …}}` if you know it"
        raise PullFailedError("no_api_root", text)
    try:
        found = list(dict.fromkeys(_end(urljoin(_end(url), root)) for root in roots))
        own = [root for root in found if get_origin(httpx.URL(root)) == get_origin(httpx.URL(url))]
    except (ValueError, httpx.InvalidURL) as error:
        raise PullFailedError("unreadable", f"{url}: a bad API root: {error}") from error
    if not own:
        raise PullFailedError(
            "api_root_elsewhere",
            f"{url} names {found[0]} on another server: if it is right, put it into "
            "`taxii: {api_root: …}` and its server into `url`",
        )
    return own[:_MOST_ROOTS]


def _check_version(root: str, document: Mapping[str, Any]) -> None:
    versions = document.get("versions", [])
    plain = [str(item).replace(" ", "") for item in versions] if isinstance(versions, list) else []
    if MEDIA_TYPE not in plain and "taxii-2.1" not in plain:  # the latter in early servers
        raise PullFailedError("wrong_version", f"{root} speaks {plain or 'no version'}, not 2.1")


def _match(root: str, document: Mapping[str, Any], name: str) -> str | None:
    listed = document.get("collections", [])
    if not isinstance(listed, list):
        raise PullFailedError("unreadable", f"{root}collections/: `collections` is not a list")
    items = [item for item in listed if isinstance(item, dict) and isinstance(item.get("id"), str)]
    for key in ("id", "alias", "title"):
        found = [item for item in items if item.get(key) == name]
        if len(found) > 1:
            raise PullFailedError(
                "no_collection",
                f"{root} has {len(found)} collections with {key} {name!r}: give the id",
            )
        if found:
            if found[0].get("can_read") is not True:
                text = f"{root}: collection {name!r} may not be read with this key"
                raise PullFailedError("no_collection", text)
            return urljoin(root, f"collections/{quote(found[0]['id'], safe='')}/")
    return None


def _read_page(answer: Answer) -> Page:
    document = load_object(answer.url, answer.content or b"")
    objects = document.get("objects", [])
    more, token = document.get("more", False), document.get("next")
    if document.get("type") == "bundle":
        raise PullFailedError("wrong_version", f"{answer.url} sent a bundle, as TAXII 2.0 does")
    if not isinstance(objects, list) or not isinstance(more, bool):
        raise PullFailedError("unreadable", f"{answer.url} sent no envelope of objects")
    if token is not None and not isinstance(token, str | int):
        raise PullFailedError("unreadable", f"{answer.url}: `next` is not a text")
    return Page(
        content=answer.content or b"",
        objects=objects,
        more=more,
        next=None if token in (None, "") else str(token),
        date_added_first=answer.headers.get("x-taxii-date-added-first"),
        date_added_last=answer.headers.get("x-taxii-date-added-last"),
    )


def _get_json(get: Get, url: str) -> dict[str, Any]:
    answer = _get(get, url)
    return load_object(answer.url, answer.content or b"")


def _get(get: Get, url: str) -> Answer:
    try:
        answer = get(url, {"Accept": MEDIA_TYPE})
    except PullFailedError as error:
        if error.reason == "http_406":
            raise PullFailedError("wrong_version", f"{url} does not speak TAXII 2.1") from error
        raise
    media_type = answer.headers.get("content-type", "").lower().replace(" ", "")
    if media_type.startswith(_OLD_MEDIA_TYPE):
        raise PullFailedError("wrong_version", f"{url} answered {media_type!r}, not TAXII 2.1")
    found = _MEDIA_TYPE.match(media_type)
    if found is None:
        raise PullFailedError("wrong_content_type", f"{url} answered {media_type!r}: no TAXII")
    if found["version"] not in (None, "2.1"):
        raise PullFailedError("wrong_version", f"{url} speaks TAXII {found['version']}, not 2.1")
    return answer


def _end(url: str) -> str:
    return url if url.endswith("/") else f"{url}/"

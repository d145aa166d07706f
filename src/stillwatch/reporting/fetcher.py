"""The only door between the renderer and the world: an allow-list of our own fonts and charts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse


class SealedFetcher(URLFetcher):  # type: ignore[misc]
    """Serves `asset:` addresses from an allow-list and stops the rendering for anything else."""

    def __init__(self, fonts: Mapping[str, Path], charts: Mapping[str, str]) -> None:
        super().__init__(allowed_protocols=("asset",), allow_redirects=False, fail_on_errors=True)
        self._fonts = dict(fonts)
        self._charts = dict(charts)

    def fetch(self, url: str, headers: Any = None) -> Any:
        """Return the asset, or raise the renderer's fatal error naming the refused address."""
        if url in self._charts:
            return URLFetcherResponse(url, self._charts[url], {"Content-Type": "image/svg+xml"})
        if url in self._fonts:
            body = self._fonts[url].read_bytes()
            return URLFetcherResponse(url, body, {"Content-Type": "font/woff"})
        raise FatalURLFetchingError(f"a report asked for {url[:200]!r}, which is not its own asset")

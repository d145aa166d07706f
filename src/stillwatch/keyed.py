"""Keyed hashes: tokens for identifiers, 64-bit fingerprints for text.

Both are keyed with the deployment's secret, so that the warehouse cannot be searched for a known
address or prompt without it (docs/decisions/0003).
"""

from __future__ import annotations

from hashlib import blake2b

_TOKEN_BYTES = 10


class Keyer:
    """Turns identifiers into tokens and text into fingerprints, with one deployment key.

    >>> keyer = Keyer(bytes(32))
    >>> keyer.token("account", "native", "a1") == keyer.token("account", "native", "a1")
    True
    >>> keyer.token("account", "native", "a1") == keyer.token("session", "native", "a1")
    False
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, kind: str, *parts: str) -> str:
        """Return a 20-digit hexadecimal token; `kind` keeps the name spaces of tokens apart."""
        message = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return blake2b(
            message, digest_size=_TOKEN_BYTES, key=self._key, person=kind.encode()[:16]
        ).hexdigest()

    def fingerprint(self, kind: str, text: str) -> int:
        """Return a signed 64-bit fingerprint of `text`, the same on every engine and platform."""
        digest = blake2b(
            text.encode("utf-8", "surrogatepass"),
            digest_size=8,
            key=self._key,
            person=kind.encode()[:16],
        ).digest()
        return int.from_bytes(digest, "big", signed=True)

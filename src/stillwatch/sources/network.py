"""Client addresses as gateways write them."""

from __future__ import annotations

import ipaddress
from typing import Any


def read_client_address(value: Any) -> Any:
    """Return the address of the client, or None where the platform hides it or names none.

    The first address of a forwarding chain is the client's. A masked address is a network and a
    word such as `private` is a place, so neither counts as an address. Anything but text is
    returned as it is and refused by name later.

    >>> read_client_address("192.0.2.7, 198.51.100.1"), read_client_address("192.0.2.***")
    ('192.0.2.7', None)
    >>> read_client_address("192.0.2.7:51234"), read_client_address("gce-internal-ip")
    ('192.0.2.7', None)
    """
    if not isinstance(value, str):
        return value
    text = value.partition(",")[0].strip()[:100]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return text

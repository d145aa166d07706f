"""Numbers in place of addresses, clients and models, for the columns of the fast mode."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds.clients import Fingerprint
from stillwatch.worlds.model import World
from stillwatch.worlds.names import name_model
from stillwatch.worlds.places import Exit
from stillwatch.worlds.population import Account
from stillwatch.worlds.traffic import Events


@dataclass
class Numbers:
    """Numbers given to addresses and clients in the order in which they first come up.

    Addresses are numbered from `first_exit`, so that those of a finished part can be let go.
    """

    first_exit: int = 0
    exits: dict[Exit, int] = field(default_factory=dict)
    clients: dict[Fingerprint, int] = field(default_factory=dict)

    def number_exit(self, shown: Exit) -> int:
        """Return the number of an address."""
        return self.exits.setdefault(shown, self.first_exit + len(self.exits))

    def number_client(self, client: Fingerprint) -> int:
        """Return the number of a client."""
        return self.clients.setdefault(client, len(self.clients))


class Choices:
    """What accounts show, end to end: their own from `first`, a former owner's from `former`."""

    def __init__(self, listed: list[tuple[list[int], list[int]]]) -> None:
        own = np.array([len(each[0]) for each in listed], dtype=np.int64)
        former = np.array([len(each[1]) for each in listed], dtype=np.int64)
        self.first = np.concatenate([[0], np.cumsum(own + former)])
        self.former = self.first[:-1] + own
        self.values = np.array([value for each in listed for part in each for value in part])


class Models:
    """The models of a world by number, and how each platform calls them."""

    def __init__(self, world: World, accounts: tuple[Account, ...]) -> None:
        self.names = [model.name for model in world.models]
        newest = max(world.models, key=lambda model: model.released_at).name
        self._newest = self.names.index(newest)
        self._own = np.array([self.names.index(each.model) for each in accounts])
        platforms = list(dict.fromkeys(source.platform for source in world.sources))
        self._platform = np.array([platforms.index(each.source.platform) for each in accounts])
        self._spelled = [name_model(name, each) for each in platforms for name in self.names]

    def name(self, events: Events, fixed: npt.NDArray[np.generic]) -> pa.DictionaryArray:
        """Return the model of each exchange; `fixed` is one that the request insists on."""
        owner = events.account
        model = np.where(events.newest_model, self._newest, self._own[owner])
        model = np.where(fixed.astype(np.int64) >= 0, fixed.astype(np.int64), model)
        place = self._platform[owner] * len(self.names) + model
        return pa.DictionaryArray.from_arrays(place.astype(np.int8), self._spelled)


def number_exits(account: Account, numbers: Numbers) -> tuple[list[int], list[int]]:
    """Return the numbers of the addresses of an account, and of its former owner."""
    former = account.former.exits if account.former else ()
    return (
        [numbers.number_exit(shown) for shown in account.exits],
        [numbers.number_exit(shown) for shown in former],
    )


def number_clients(account: Account, numbers: Numbers) -> tuple[list[int], list[int]]:
    """Return the numbers of the clients of an account, and of its former owner."""
    own = (*account.fingerprints, *account.other_clients)
    former = (account.former.client,) if account.former else ()
    return (
        [numbers.number_client(client) for client in own],
        [numbers.number_client(client) for client in former],
    )

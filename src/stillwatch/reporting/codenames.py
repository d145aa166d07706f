"""A speakable name for a campaign, so that people need not read out its id.

The name follows from the id alone. It says nothing about who is behind the campaign: both words
come from neutral lists.
"""

from __future__ import annotations

from hashlib import sha256

_ADJECTIVE_TEXT = """
amber ashen autumn brass bright broad bronze calm cedar chalk clear cobalt copper coral
crimson crystal dawn deep dusty early ember even fallow fern flint frosted gentle gilded
glass golden granite green grey hazel hidden hollow ivory jade keen lacquer late level linen
little long marble marsh mellow misty morning narrow northern oaken olive opal pale paper
pearl pewter plain polar quartz quiet rapid red river round russet rusty salt sandy scarlet
sharp silent silver slate slow small smooth snowy spare steady steel still stone sudden
summer sunlit tall tawny tidal timber tin umber upper velvet violet walnut warm western
white wide winter woven yellow
"""
_NOUN_TEXT = """
acorn anchor anvil arch arrow ash badger barge basin beacon bell birch boulder bramble
bridge brook burrow buoy cairn candle canyon causeway cedar chapel cliff clover compass cove
crane creek crest current curlew dale delta dune eagle eddy elm estuary falcon fen ferry
field finch fjord forge fountain garden gate glade glen grove gull harbour hare hawk heath
heron hill hollow inlet island jetty kestrel kite lagoon lake lantern lark ledge lighthouse
linnet loom marlin marsh martin meadow mill moor oak orchard osprey otter oxbow pebble pier
pine plover pond quarry quay rapid raven reef ridge river robin rook rowan sail sandbar
shoal shore sluice sparrow spire spring starling stork strand summit swallow swan tarn tern
thicket thrush tide tower trellis valley vale warbler weir wharf willow windmill wren
"""
_ADJECTIVES = tuple(_ADJECTIVE_TEXT.split())
_NOUNS = tuple(_NOUN_TEXT.split())


def codename(campaign_id: str) -> str:
    """Return the campaign's codename, the same on every machine and day.

    >>> codename("SW-0001") == codename("SW-0001")
    True
    >>> len(codename("SW-0001").split())
    2
    """
    number = int.from_bytes(sha256(b"codename\x1f" + campaign_id.encode("utf-8")).digest()[:8])
    adjective = _ADJECTIVES[number % len(_ADJECTIVES)]
    noun = _NOUNS[number // len(_ADJECTIVES) % len(_NOUNS)]
    return f"{adjective.capitalize()} {noun.capitalize()}"

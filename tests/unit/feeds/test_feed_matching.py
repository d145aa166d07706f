"""Match values must be exactly what the ingest writes into the canonical columns."""

from datetime import date

import pytest

from stillwatch.feeds.matching import make_match_value
from stillwatch.feeds.observables import make_own_indicator
from stillwatch.feeds.parsed import Indicator
from stillwatch.keyed import Keyer
from stillwatch.sources.exchanges import ExchangeBuilder
from stillwatch.sources.registry import Source

KEYER = Keyer(bytes(range(32)))
TEMPLATE = (
    "You are a careful grader. Read the question and the answer below and give a score from "
    "1 to 10 for each rubric item. Question: "
)
PROMPT = TEMPLATE + "What is the tallest mountain of Europe, and why do people climb it?"


@pytest.fixture(scope="module")
def exchange():
    source = Source("s", "native", "native", "usage/s", "accounts/s")
    builder = ExchangeBuilder(source, date(2026, 11, 1), KEYER)
    builder.add(
        {
            "exchange_id": "x1",
            "event_at": "2026-11-01T10:00:00Z",
            "account_id": "a1",
            "model": "m",
            "status": "ok",
            "user_agent": "harvester/1.0 (x)",
            "ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
            "artifacts_submitted": ["artifact-1"],
            "prompt": PROMPT,
        }
    )
    return builder.finish()[0].to_pylist()[0]


@pytest.mark.parametrize(
    ("kind", "value", "column"),
    [
        ("user_agent", "harvester/1.0 (x)", "user_agent_token"),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6", "ja4"),
        ("artifact_digest", "artifact-1", "artifacts_submitted"),
        ("template_fingerprint", TEMPLATE, "prefix_fp_16"),
        ("template_fingerprint", PROMPT, "prefix_fp_32"),
        ("template_fingerprint", " ".join(TEMPLATE.split()[:9]), "prefix_fp_8"),
    ],
)
def test_make_match_value__is_what_the_ingest_writes(exchange, kind, value, column):
    found = make_match_value(KEYER, make_own_indicator(kind, value))
    held = exchange[column]
    assert found == (held[0] if isinstance(held, list) else str(held))


def test_make_match_value__a_fingerprint_of_this_deployment_matches_as_it_is(exchange):
    number = str(exchange["prefix_fp_16"])
    assert make_match_value(KEYER, make_own_indicator("template_fingerprint", number)) == number


def test_make_match_value__another_key_gives_other_tokens(exchange):
    found = make_match_value(Keyer(bytes(32)), make_own_indicator("artifact_digest", "artifact-1"))
    assert found not in exchange["artifacts_submitted"]


def test_make_match_value__a_text_of_few_words_matches_nothing():
    assert make_match_value(KEYER, make_own_indicator("template_fingerprint", "hello you")) is None


def test_make_match_value__addresses_and_domains_stay_as_they_are():
    assert make_match_value(KEYER, Indicator("ipv4_cidr", "45.83.64.0/22")) is None
    domain = Indicator("domain", "a.example.com", match_value="a.example.com")
    assert make_match_value(KEYER, domain) == "a.example.com"

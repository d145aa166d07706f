"""The sample facts are what the code collects today; rewrite them with STILLWATCH_REWRITE=1."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sample_facts import collect_samples, get_sample_path, make_facts, read_sample

from stillwatch.reporting.facts import Document
from stillwatch.reporting.parts import to_json


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[Document, object]:
    found = collect_samples(tmp_path_factory.mktemp("samples"))
    if os.environ.get("STILLWATCH_REWRITE") == "1":
        for document, value in found.items():
            text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
            get_sample_path(document).write_text(text, encoding="utf-8")
    return found


@pytest.mark.parametrize("document", list(Document))
def test_sample__equals_what_is_collected(
    document: Document, samples: dict[Document, object]
) -> None:
    assert read_sample(document) == samples[document]


@pytest.mark.parametrize("document", list(Document))
def test_sample__survives_the_way_to_json_and_back(document: Document) -> None:
    sample = read_sample(document)
    assert to_json(make_facts(document, sample)) == sample


def test_from_json__refuses_a_missing_and_an_unknown_field(tmp_path: Path) -> None:
    sample = read_sample(Document.QUALITY_ANNEX)
    with pytest.raises(ValueError, match="surplus"):
        make_facts(Document.QUALITY_ANNEX, {**sample, "surplus": 1})
    del sample["rules"]
    with pytest.raises(ValueError, match="rules"):
        make_facts(Document.QUALITY_ANNEX, sample)

"""docs/reports.md lists every field of the facts, as the classes describe them."""

from __future__ import annotations

import dataclasses

from stillwatch.project import get_project_root
from stillwatch.reporting import facts, parts
from stillwatch.reporting.reference import write_reference


def test_docs__list_the_fields_of_the_facts() -> None:
    text = (get_project_root() / "docs" / "reports.md").read_text(encoding="utf-8")
    assert text.endswith(write_reference()), (
        "docs/reports.md differs from stillwatch.reporting.reference: paste its output after the "
        "heading 'Facts, field by field'"
    )


def test_facts__say_of_every_field_what_it_holds() -> None:
    classes = [*vars(facts).values(), *vars(parts).values()]
    told = [kind for kind in classes if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    assert len(told) > 30
    for kind in told:
        if kind.__module__ in (facts.__name__, parts.__name__):
            for field in dataclasses.fields(kind):
                assert field.metadata.get("help"), f"{kind.__name__}.{field.name}"

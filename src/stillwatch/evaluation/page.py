"""The evaluation page: a stored run as Markdown with pictures, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stillwatch.evaluation.curves import MOST_LINES, draw_evasion, draw_recall, draw_reliability
from stillwatch.evaluation.grid import render_grid
from stillwatch.evaluation.methods import write_slug
from stillwatch.evaluation.render import list_grids, show_evasions
from stillwatch.evaluation.result import EvaluationResult, GroupResult
from stillwatch.evaluation.score_table import ScoreTable
from stillwatch.evaluation.summary import (
    pick_best,
    show_false_campaigns,
    show_left_out,
    show_runs,
    show_variants,
    show_worlds,
)
from stillwatch.runs import replacing

IMAGES = Path("images")  # with a folder for each page

_PROTOCOL = """\
## Protocol

1. A world is simulated from its seed: landed inputs in one folder, the truth in another that the
   pipeline is never given. The generator shares no code with the detector.
2. The days are processed one by one by the steps of `stillwatch run`: ingest, feeds and reference
   tables, gates, models, gates, publishing. A gate that stops a world is an outcome, and printed.
3. Scores, members and first flags are read from the published tables as of each day. A day is
   flagged at its end, so its own exchanges count as gone.
4. Competitors see the same accounts and days, and no label. Whatever learns from labels is tested
   only on an attacker that it has never seen, in any seed, and on cohorts that it has not seen.
5. Accounts that asked nothing are left out on both sides: there is nothing to find, and they would
   make false alarms look rarer.
6. Intervals are exact (Clopper-Pearson, Poisson) where counts allow it, else a bootstrap by world
   or, with fewer than five worlds, by campaign. Each table names its method.
"""

_LIMITS = """\
## What this does not show

- Worlds are made up by people who know what detectors look for. The figures say how the pipeline
  behaves on these worlds, not how it does on real traffic. Nobody has published a false-positive
  rate on real traffic with which they could be compared.
- A rate of false positives below one in the number of benign accounts cannot be seen. None flagged
  proves no more than the bound that stands beside it.
- Seeds of one world resemble each other: an interval over seeds says nothing about worlds of
  another kind.
- Extraction that leaves no trace on the platform (bought data, another provider) is in no figure.
- Prices in the evasion curves are assumed. They compare levels; they are no estimate of anyone's
  costs.
"""


def write_page(result: EvaluationResult, page: Path) -> list[Path]:
    """Write the page and its pictures, and return all that was written.

    Pictures lie in `images/<name of the page>/` beside it. Those of an earlier page are removed.
    """
    images = IMAGES / page.stem
    folder = page.parent / images
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _draw(result)
    for path in folder.glob("*.svg"):
        if path.name not in pictures:
            path.unlink()
    written = [page]
    for name, content in sorted(pictures.items()):
        (folder / name).write_text(content, encoding="utf-8")
        written.append(folder / name)
    with replacing(page) as temporary:
        temporary.write_text(render_page(result, images), encoding="utf-8")
    return written


def render_page(result: EvaluationResult, images: Path) -> str:
    """Return the page as Markdown, with links to its pictures in `images`."""
    first = (show_worlds(result), show_false_campaigns(result), show_runs(result))
    parts = [_introduce(result), *(render_grid(grid) for grid in first if grid.rows)]
    if result.all_worlds is not None and len(result.base_groups) > 1:
        parts.append("## All worlds together\n\nMethods over the accounts of every world above.")
        parts += _show_table(result.all_worlds, "all worlds", images)
    for group in result.base_groups:
        parts.append(_head_group(group))
        if group.table is not None:
            parts += _show_table(group.table, group.name, images)
    parts += [
        render_grid(grid) for grid in (show_variants(result), show_left_out(result)) if grid.rows
    ]
    for curve, grid in zip(result.evasions, show_evasions(result.evasions), strict=True):
        title = f"Evasion-cost curve: {curve.evasion}"
        picture = _link(images, f"evasion {curve.evasion}", title)
        parts.append(f"{render_grid(grid)}\n\n{picture}")
    parts += [_PROTOCOL.strip(), _LIMITS.strip()]
    return "\n\n".join(parts) + "\n"


def _introduce(result: EvaluationResult) -> str:
    plan, code = result.plan, result.provenance
    missing = sorted(name for name, version in code.packages.items() if version is None)
    seeds = f"{plan.seeds} seed{'s' if plan.seeds > 1 else ''} of each world"
    lines = [
        "# Evaluation",
        "",
        "<!-- Written by `stillwatch evaluate --page` from a stored run. Do not edit. -->",
        "",
        "How well suspected campaigns are found on simulated worlds whose truth is known. All "
        "figures are as they came out.",
        "",
        f"- Run `{result.run_id}`: plan `{plan.name}`, {seeds}"
        + (f", the first {plan.days} days of longer ones" if plan.days else ""),
        f"- Code: Stillwatch {code.version}, commit `{code.git_commit or 'unknown'}`, digest "
        f"`{code.code_sha256[:12]}`",
        "- Feeds: " + (f"landed, digest `{result.feeds[:12]}`" if result.feeds else "none landed"),
    ]
    if missing:
        lines.append(f"- Packages of competitors that were not there: {', '.join(missing)}")
    return "\n".join(lines)


def _head_group(group: GroupResult) -> str:
    lines = [f"## World {group.name}", "", f"Seeds: {', '.join(map(str, group.seeds))}."]
    lines += [f"Stopped by a gate: {reason}" for reason in group.stopped]
    return "\n".join(lines)


def _show_table(table: ScoreTable, name: str, images: Path) -> Iterable[str]:
    for grid in list_grids(table):
        text = render_grid(grid, level=3)
        if grid.title == "Accounts" and _has_recall(table):
            title = f"Recall over false positives, {name}"
            text += "\n\n" + _link(images, f"recall {name}", title)
        if grid.title == "Calibration":
            title = f"Reliability of probabilities, {name}"
            text += "\n\n" + _link(images, f"reliability {name}", title)
        yield text


def _draw(result: EvaluationResult) -> dict[str, str]:
    """Return the pictures of the page by file name."""
    tables = {group.name: group.table for group in result.base_groups}
    if len(result.base_groups) > 1:
        tables["all worlds"] = result.all_worlds
    pictures = {}
    for name, table in tables.items():
        if table is None:
            continue
        if _has_recall(table):
            benign = table.account_count - table.attacker_count
            drawn = draw_recall(pick_best(table.methods, MOST_LINES), benign)
            pictures[_name(f"recall {name}")] = drawn[0]
        if table.calibration is not None and table.calibration.bins:
            pictures[_name(f"reliability {name}")] = draw_reliability(table.calibration)[0]
    for curve in result.evasions:
        pictures[_name(f"evasion {curve.evasion}")] = draw_evasion(curve)[0]
    return pictures


def _has_recall(table: ScoreTable) -> bool:
    return any(method.curve for method in table.methods)


def _name(title: str) -> str:
    return f"{write_slug(title)}.svg"


def _link(images: Path, title: str, text: str) -> str:
    return f"![{text}]({images.as_posix()}/{_name(title)})"

"""Which features a file gets, or the whole catalogue, as a page to read."""

from pathlib import Path

from features.catalog import Feature
from features.listing import example_recipe, html, markdown
from features.recipe import recipe_for
from inventory.errors import InputRejected
from pipelines.out_file import check_writable
from pipelines.panel_file import read_panel
from pipelines.signals import with_signals

WRITERS = {".md": markdown, ".html": html}


def features_of(
    history_path: Path | None = None,
    future_path: Path | None = None,
    *,
    horizon: int,
    signals: tuple[str, ...] = (),
) -> tuple[Feature, ...]:
    """Those that the files get, with those left out by default; without files, of every kind."""
    if history_path is None:
        return example_recipe(horizon=horizon).features
    panel, _ = read_panel(history_path, future_path)
    panel, _ = with_signals(panel, signals, horizon=horizon)
    return recipe_for(panel, horizon=horizon, everything=True).features


def write_page(features: tuple[Feature, ...], path: Path) -> None:
    """Write the page as Markdown or HTML, by the ending of the file's name."""
    writer = WRITERS.get(path.suffix)
    if writer is None:
        raise InputRejected(f"'{path.name}' must end in .md or .html", field="out")
    check_writable(path)
    path.write_text(writer(features, title="Features of Vouch"), encoding="utf-8")

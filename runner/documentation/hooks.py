"""What the site's generator asks on its way: pages made of declarations, the folder of pictures, pages without a place.

The written pages are read on GitHub as well, where the pictures are beside ``docs`` and not in it.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from runner.diagram.machines import MACHINES
from runner.documentation.reference import pages

ROOT = Path(__file__).parents[2]
PICTURES = "diagrams"
LINK = re.compile(r"\[([^\]]*)\]\(([\w/.-]+)\)")
MORE = "More"
"""Where a page goes that the navigation does not name: none is ever lost."""

MACHINE_TABLES = "Machines"

PLACED = {"check.md": "Guides", "bench.md": "Guides", "speed.md": "How it works"}
TITLES = {"check.md": "Prove a pair right", "bench.md": "Measure and soak", "speed.md": "Many scopes"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give every written page a place in the navigation."""
    nav: list[dict[str, object]] = list(config.nav or [])
    named = set(_paths(nav))
    for path in sorted(Path(config.docs_dir).glob("*.md")):
        if path.name not in named:
            section = _section(nav, PLACED.get(path.name, MORE))
            section.append({TITLES[path.name]: path.name} if path.name in TITLES else path.name)
    machines = [f"{PICTURES}/{name}.md" for name in MACHINES if (ROOT / PICTURES / f"{name}.md").exists()]
    _section(nav, MACHINE_TABLES).extend(machines)
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pictures and tables of the machines, and the pages that are made of declarations."""
    for path in sorted((ROOT / PICTURES).iterdir()):
        if path.suffix in (".svg", ".md") and _is_shown(path):
            files.append(File.generated(config, f"{PICTURES}/{path.name}", abs_src_path=str(path)))
    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """In the site the pictures are below the pages; a workflow's table is there as a picture only."""
    if page.file.src_uri.startswith(PICTURES):
        name = Path(page.file.src_uri).stem
        return f"{markdown}\n\n![{name}]({name}.svg)\n"
    markdown = markdown.replace(f"../{PICTURES}/", f"{PICTURES}/")
    # A folder can be opened where the sources are, and not in the site.
    return LINK.sub(lambda link: link[1] if (Path(config.docs_dir) / link[2]).is_dir() else link[0], markdown)


def _is_shown(path: Path) -> bool:
    """Every picture; of the tables those of the machines."""
    return path.suffix == ".svg" or path.stem in MACHINES


def _paths(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []
    return [path for entry in entries for path in _paths(entry)]


def _section(nav: list[dict[str, object]], title: str) -> list[object]:
    for entry in nav:
        found = entry.get(title)
        if isinstance(found, list):
            return found
    made: list[object] = []
    nav.append({title: made})
    return made

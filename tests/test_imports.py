"""Who may import whom, what loads at start-up, and that the README names what there is."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: A part imports from tiers above its own only. `actcore` is the package's own public names.
TIERS = (
    ("errors",),
    ("schema", "sites", "special"),
    ("dataset",),
    ("readers", "analysis", "live"),
    ("views",),
    ("figures",),
    ("export", "store"),
    ("actcore",),
    ("ui", "cli"),
    ("pages", "streamlit_app", "__main__"),
)
TIER = {part: number for number, tier in enumerate(TIERS) for part in tier}
#: A view knows tables and plain parameters, so nothing below it but these.
VIEWS_KNOW = {"errors", "schema", "sites"}
STREAMLIT = {"ui", "pages", "streamlit_app"}
TORCH = {"live"}
NO_NAME_FOR_A_JOB = {"utils", "util", "helpers", "common", "misc"}


def source_files() -> Iterator[Path]:
    for folder in ("actcore", "pages"):
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from ROOT.glob("streamlit_app.py")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in source_files()}


def part_of(module: str) -> str:
    """`actcore.views.text` is of `views`, `pages.tokens` of `pages`, `actcore` its own part."""
    names = module.split(".")
    return names[1] if names[0] == "actcore" and len(names) > 1 else names[0]


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The full name of what `from ... import` starts at."""
    if not node.level:
        return node.module or ""
    names = module.split(".")
    package = names if FILES[module].name == "__init__.py" else names[:-1]
    start = package[: len(package) - node.level + 1]
    return ".".join([*start, *filter(None, [node.module])])


@cache
def imports(module: str) -> tuple[str, ...]:
    """Every module that a file names in an import, wherever in the file it stands."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = absolute(module, node)
            inner = [f"{start}.{alias.name}" for alias in node.names]
            yield from ([name if name in FILES else start for name in inner])


def edges() -> Iterator[tuple[str, str]]:
    """Imports of ours by ours."""
    for module in FILES:
        for target in imports(module):
            if target.partition(".")[0] in {"actcore", "pages", "streamlit_app"}:
                yield module, target


def allowed(module: str, target: str) -> bool:
    by, of = part_of(module), part_of(target)
    if by == of:
        return by != "pages"
    if by == "views":
        return of in VIEWS_KNOW
    return TIER[of] < TIER[by]


def test_every_module_has_a_place_in_the_flow() -> None:
    assert [module for module in FILES if part_of(module) not in TIER] == []


def test_modules_import_only_from_above_in_the_flow() -> None:
    placed = [(by, of) for by, of in edges() if {part_of(by), part_of(of)} <= set(TIER)]
    assert [f"{by} imports {of}" for by, of in placed if not allowed(by, of)] == []


def test_no_module_imports_itself_through_others() -> None:
    graph: dict[str, set[str]] = {}
    for module, target in edges():
        graph.setdefault(module, set()).add(target)
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("library", "parts"),
    [("streamlit", STREAMLIT), ("torch", TORCH), ("transformers", TORCH), ("pickle", set())],
)
def test_a_library_stays_in_its_parts(library: str, parts: set[str]) -> None:
    users = [
        module
        for module in FILES
        if part_of(module) not in parts
        and any(target.partition(".")[0] == library for target in imports(module))
    ]
    assert users == []


def test_no_file_is_named_for_nothing() -> None:
    parts = {
        name for path in source_files() for name in path.relative_to(ROOT).with_suffix("").parts
    }
    assert parts & NO_NAME_FOR_A_JOB == set()


@pytest.mark.parametrize(
    ("module", "unloaded"),
    [
        ("actcore", {"torch", "transformers", "streamlit", "pandas", "altair"}),
        ("actcore.cli", {"torch", "transformers", "streamlit", "pandas", "altair"}),
        ("actcore.ui", {"torch", "transformers"}),
    ],
)
def test_importing_stays_light(module: str, unloaded: set[str]) -> None:
    if module not in FILES:
        pytest.skip(f"no {module} yet")
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert unloaded & set(done.stdout.split()) == set()


@pytest.mark.parametrize(
    ("module", "table"),
    [("actcore.figures", "FIGURES"), ("actcore.cli", "COMMANDS"), ("actcore.export", "FORMATS")],
)
def test_the_readme_names_every_figure_command_and_format(module: str, table: str) -> None:
    if module not in FILES:
        pytest.skip(f"no {module} yet")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [name.lstrip(".") for name in getattr(importlib.import_module(module), table)]
    assert names, f"{module}.{table} is empty"
    unnamed = [name for name in names if not re.search(rf"\b{re.escape(name)}\b", readme, re.I)]
    assert unnamed == []


def test_pip_install_asks_for_what_requirements_txt_asks_for() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {line.partition("#")[0].strip() for line in lines} - {""}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*project["dependencies"], *project["optional-dependencies"]["live"]} == listed

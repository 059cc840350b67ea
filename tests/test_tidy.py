"""Rules about the code, and what to do instead. Ratchet them; never loosen one for a file."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("inventory", "features", "models", "pipelines", "serving")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PURE = sorted(
    path
    for folder in ("inventory", "inventory/policy", "features")
    for path in (ROOT / folder).glob("*.py")
)
TOP_LEVEL = {
    ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
    "features", "inventory", "models", "notebooks", "pipelines", "pyproject.toml",
    "requirements.lock", "serving", "tests",
}  # fmt: skip
LINES_MAX = 400
FUNCTION_LINES_MAX = 60

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES]
)
every_pure_module = pytest.mark.parametrize(
    "path", PURE, ids=[str(path.relative_to(ROOT)) for path in PURE]
)


def functions(path):
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def imported(path):
    """First words of what a module imports, wherever it does."""
    return {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }


@every_module
def test_says_what_it_is_for(path):
    found = ast.get_docstring(ast.parse(path.read_text()))
    assert found, "Open the file with one sentence for a newcomer."


@every_module
def test_is_short_enough_to_read(path):
    lines = len(path.read_text().splitlines())
    assert lines <= LINES_MAX, f"{lines} lines: split the file by its nouns."
    long = [f.name for f in functions(path) if f.end_lineno - f.lineno > FUNCTION_LINES_MAX]
    assert not long, f"{long}: give the steps names of their own."


@every_pure_module
def test_takes_the_time_and_randomness_as_arguments(path):
    found = re.findall(
        r"\b(?:datetime\.now|date\.today|time\.time|random\.random)\(", path.read_text()
    )
    assert not found, "Take `now` or `rng` as an argument."


@every_pure_module
def test_touches_nothing_outside(path):
    doors = {"psycopg", "mlflow", "bentoml", "os", "logging", "random", "subprocess"}
    outside = imported(path) & doors
    assert not outside, f"{outside}: I/O belongs in `inventory.store` or to the right."


@every_module
def test_sql_lives_in_the_store(path):
    if path.is_relative_to(ROOT / "inventory" / "store"):
        return
    found = re.findall(r"\.(?:execute|executemany|copy)\(\s*f?\"", path.read_text())
    assert not found, "Put the statement into a function of `inventory.store`."


def test_the_top_level_holds_only_what_was_agreed():
    git = ["git", "-C", str(ROOT), "ls-files"]
    listed = subprocess.run(git, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: what belongs to the project cannot be told from the rest")
    found = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert found <= TOP_LEVEL, "A new top-level name needs a good reason."


def test_what_is_imported_is_a_dependency_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["bench"]]
    named = {re.match(r"[\w-]+", line)[0].lower().replace("-", "_") for line in listed}
    homes = {
        "sklearn": "scikit_learn",
        "xgboost": "xgboost_cpu",
        "fpdf": "fpdf2",
        # These come as an extra or a part of what they are listed under.
        "psycopg_pool": "psycopg",
        "pydantic_core": "pydantic",
        "starlette": "fastapi",
    }
    found = {name for path in MODULES for name in imported(path)} - sys.stdlib_module_names
    lost = {name for name in found - set(PACKAGES) if homes.get(name, name).lower() not in named}
    assert not lost, f"{lost}: name it in pyproject.toml; who brings it today may not tomorrow."

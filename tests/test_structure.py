"""The house as a test: who may import whom, how long files and functions are, the core's size."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import tokenize
from pathlib import Path

import pytest

from tinygrad_edu.tour import FOLDER

PACKAGE = Path(__file__).parent.parent / "tinygrad_edu"
FILES = sorted(PACKAGE.rglob("*.py"))
CORE = ["errors", "raw", "engine", "define", "tags", "roles", "autodiff"]

LEVELS = {
    "errors": 0, "raw": 0, "context": 0, "sites": 0, "advice": 0, "wording": 0, "recover": 0,
    "files": 0,
    "engine": 1, "tags": 1, "define": 1, "numpy_protocol": 1, "copying": 1, "calls": 0,
    "families": 0, "other_names": 0, "methods": 0,
    "ops": 2,
    "autodiff": 3, "tangents": 3, "transforms": 3, "roles": 3, "functions": 3, "tape": 3,
    "tape_file": 3,
    "birth": 3, "statistics": 3, "losses": 3, "contractions": 3, "linalg": 3, "networks": 3,
    "nn": 4, "optim": 4, "train": 4, "compile": 4, "view": 4, "explain": 4, "testing": 4,
    "terminal": 0,
    "interop": 5, "cli": 5, "tour": 5, "doctor": 5, "guide": 5, "report": 5, "__main__": 5,
    "command_train": 5, "command_program": 5, "cards": 5, "op_page": 5, "peers": 3,
}  # fmt: skip
SIDEWAYS = {("train", "nn"), ("train", "optim"), ("train", "testing"), ("view", "explain")}
SIDEWAYS |= {("compile", "explain"), ("compile", "optim"), ("compile", "nn")}
SIDEWAYS |= {("testing", "view"), ("testing", "nn"), ("testing", "optim")}
# A Value reaches what shows it, and what differentiates it, when it is asked to: at the call.
AT_THE_CALL = {("engine", "autodiff"), ("engine", "view"), ("methods", "numpy_protocol")}
AT_THE_CALL |= {("families", "engine"), ("methods", "engine")}  # for the type checker only

# Longer than 400 lines, each with its reason.
LONG_FILES: dict[str, str] = {"__init__.py": "the public names, one per line"}
LONG_FUNCTIONS: dict[str, str] = {
    "engine.py:record": "the one path of every operation, flat because each call costs 0.1 µs",
    "autodiff.py:pull_back": "the one loop of reverse mode, flat for the same reason",
}


def place(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            whole = module == "tinygrad_edu"
            found += [f"{module}.{a.name}" if whole else module for a in node.names]
        elif isinstance(node, ast.Import):
            found += [a.name for a in node.names]
    return [name for name in found if name.split(".")[0] == "tinygrad_edu"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_down_only(file: Path) -> None:
    here = place(file)
    if here == "__init__":
        return
    for name in imports(file):
        parts = name.split(".")
        assert len(parts) > 1, f"{file.name} imports its own package root"
        there = parts[1]
        assert there in LEVELS, f"{there} has no level: add it to LEVELS"
        down = LEVELS[there] < LEVELS[here] or LEVELS[here] == LEVELS[there] != 4 or here == there
        allowed = down or (here, there) in SIDEWAYS or (here, there) in AT_THE_CALL
        assert allowed, f"{file.name} (level {LEVELS[here]}) imports {name} (level {LEVELS[there]})"


def test_the_core_reads_in_one_sitting() -> None:
    counts = {name: code_lines(PACKAGE / f"{name}.py") for name in CORE}
    assert sum(counts.values()) < 700, counts


def code_lines(file: Path) -> int:
    """Lines with code on them: no blank lines, comments or docstrings."""
    text = file.read_text(encoding="utf-8")
    doc: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                doc |= set(range(value.lineno, (value.end_lineno or value.lineno) + 1))
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip and token.type != tokenize.ENDMARKER:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - doc)


def test_code_lines_counts_code_only(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    code = 'x = (\n    1,\n)\n\n\ndef f():\n    """Doc."""\n    return x\n'
    sample.write_text('"""Doc.\n\nMore."""\n\n# why\n' + code)
    assert code_lines(sample) == 5


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_sizes(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    name = str(file.relative_to(PACKAGE))
    assert len(lines) <= 400 or name in LONG_FILES, f"{name} has {len(lines)} lines"
    assert all(len(line) <= 100 for line in lines), f"{name} has a line over 100 columns"
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            doc = ast.get_docstring(node, clean=False)
            end = first.end_lineno if doc is not None else node.lineno
            length = (node.end_lineno or 0) - (end or 0)
            known = f"{name}:{node.name}" in LONG_FUNCTIONS
            assert length <= 40 or known, f"{name}:{node.name} has {length} lines"


def test_exceptions_are_still_needed() -> None:
    for name in LONG_FILES:
        assert len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) > 400


def test_what_the_readme_writes_is_ignored_and_nothing_else_lies_about() -> None:
    root = PACKAGE.parent
    ignored = (root / ".gitignore").read_text(encoding="utf-8").split()
    assert f"{FOLDER}/" in ignored and ".venv/" in ignored
    if shutil.which("git") is None or not (root / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top = {name.split("/")[0] for name in listed if name}
    assert top <= {
        ".ci", ".gitignore", "LICENSE", "README.md", "demos", "docs", "pyproject.toml",
        "pytest_tinygrad_edu", "tests", "tinygrad_edu",
    }  # fmt: skip


def test_the_design_page_has_every_module_at_its_level() -> None:
    page = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.*?) \|", page, re.M)
    told = {name: int(level) for level, row in rows for name in re.findall(r"`(\w+)/?`", row)}
    built = {place(file) for file in FILES} - {"__init__", "__main__"}
    assert told == {name: LEVELS[name] for name in built}

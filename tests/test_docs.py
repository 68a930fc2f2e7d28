"""The pages under docs/: their code runs, and prints and draws what the pages show.

Run as a program, this file renews the outputs and pictures that the pages show:
``python tests/test_docs.py``. Read the difference before you commit it.
"""

from __future__ import annotations

import io
import linecache
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tinygrad_edu as tg
from tinygrad_edu import op_page
from tinygrad_edu.engine import OPS
from tinygrad_edu.families import FAMILIES, registry

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
OPS_PAGE = DOCS / "ops.md"
RUN = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))
RENEW = "`python tests/test_docs.py` renews the pages; read the difference"
LINKED = [*PAGES, ROOT / "demos" / "README.md"]


# Running a page ----------------------------------------------------------------------------------


@dataclass
class Block:
    """A piece of code of a page, and the output that the page shows below it."""

    line: int  # of the page, where the code begins
    code: str
    shown: str | None  # None: no output block follows
    span: tuple[int, int] | None  # the lines of the output, in the page


def blocks_of(text: str) -> list[Block]:
    """The ```python blocks of a page, each with the ```text block right below it, if any."""
    lines, found, i = text.splitlines(), [], 0
    while i < len(lines):
        if lines[i] != "```python":
            i += 1
            continue
        end = lines.index("```", i + 1)
        block = Block(i + 2, "\n".join(lines[i + 1 : end]), None, None)
        i = end + 1
        if lines[i + 1 : i + 2] == ["```text"] and lines[i] == "":
            end = lines.index("```", i + 2)
            block.shown, block.span = "\n".join(lines[i + 2 : end]), (i + 2, end)
            i = end + 1
        found.append(block)
    return found


@contextmanager
def own_registry() -> Iterator[None]:
    """Operations that a page adds are gone afterwards."""
    before = registry()  # all families: one that a page loads first would be lost with it
    try:
        yield
    finally:
        OPS.clear()
        OPS.update(before)


def run(page: Path, folder: Path) -> tuple[list[tuple[Block, str]], dict[str, Any]]:
    """Every block of a page with what it printed, and the names it left; pictures go to folder.

    The blocks run one after the other as one program, `what_is_….py`, so that the source lines
    that are shown are those of somebody who typed them into one file.
    """
    blocks = blocks_of(page.read_text(encoding="utf-8"))
    program, starts = "", []
    for block in blocks:
        starts.append(program.count("\n"))
        program += block.code + "\n\n"
    name = f"{page.stem}.py"
    linecache.cache[name] = (len(program), None, program.splitlines(keepends=True), name)
    names: dict[str, Any] = {"__name__": page.stem}
    done = []
    (folder / "pictures").mkdir(exist_ok=True)
    with chdir(folder), own_registry():
        for block, start in zip(blocks, starts, strict=True):
            out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
            with redirect_stdout(out):
                exec(compile("\n" * start + block.code, name, "exec"), names)
            out.flush()
            text = out.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]
            lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
            done.append((block, "\n".join(lines).rstrip("\n")))
    return done, names


_LONG = re.compile(r"[-+]?\d+\.\d{9,}(?:e[-+]?\d+)?")


def same(have: str, want: str) -> bool:
    """The same text; numbers with ten digits and more may differ in the last ones.

    >>> same("w 0.12345678901", "w 0.12345678902"), same("w 0.123", "w 0.124")
    (True, False)
    """
    if _LONG.sub("#", have) != _LONG.sub("#", want):
        return False
    pairs = zip(_LONG.findall(have), _LONG.findall(want), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=1e-9) for a, b in pairs)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All pages, run once: folder, blocks with outputs, names."""
    found = {}
    for page in RUN:
        folder = tmp_path_factory.mktemp(page.stem)
        found[page.name] = (folder, *run(page, folder))
    return found


@pytest.mark.parametrize("page", RUN, ids=lambda p: p.name)
def test_a_page_prints_what_it_shows(page: Path, ran: dict[str, Any]) -> None:
    for block, printed in ran[page.name][1]:
        where = f"{page.name}:{block.line}"
        what = f"{where} prints\n{printed}\nnot\n{block.shown}\n{RENEW}"
        assert same(printed, block.shown or ""), what


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.name)
def test_a_picture_is_what_its_page_draws(picture: Path, ran: dict[str, Any]) -> None:
    drawn = [folder / "pictures" / picture.name for folder, _, _ in ran.values()]
    drawn = [file for file in drawn if file.exists()]
    assert len(drawn) == 1, f"{picture.name} is drawn by {len(drawn)} pages"
    kept = picture.read_bytes().replace(b"\r\n", b"\n")  # a checkout may have changed them
    assert drawn[0].read_bytes() == kept, f"{picture.name} is not current: {RENEW}"


def test_every_picture_that_a_page_draws_is_kept(ran: dict[str, Any]) -> None:
    drawn = {f.name for folder, _, _ in ran.values() for f in (folder / "pictures").iterdir()}
    assert drawn == {picture.name for picture in PICTURES}
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert all(f"(pictures/{name})" in shown for name in drawn)


def test_the_harness_sees_a_wrong_output(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n", encoding="utf-8")
    [(block, printed)], _ = run(page, tmp_path)
    assert (block.line, printed, block.shown) == (2, "1", "2")


def test_a_page_leaves_no_operation_behind(ran: dict[str, Any]) -> None:
    assert "adding_an_op.md" in ran
    assert "bump" not in OPS and "running_sum" not in OPS


# Links -------------------------------------------------------------------------------------------

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What `#…` may point to: the headings, as Git hosts write them."""
    heads = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", LINKED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} points to {path}, which is not there"
        assert not anchor or anchor in anchors(target), f"{page.name}: no heading #{anchor}"


def test_the_reading_path_passes_every_file_of_the_core() -> None:
    links = _LINK.findall((DOCS / "read_me_in_order.md").read_text(encoding="utf-8"))
    core = ["errors", "raw", "engine", "define", "tags", "roles", "autodiff"]
    assert {f"../tinygrad_edu/{name}.py" for name in core} <= set(links)


# The page of the operations ----------------------------------------------------------------------


def test_the_page_of_operations_is_what_the_registry_says() -> None:
    assert OPS_PAGE.read_text(encoding="utf-8") == op_page.page(), RENEW


def test_every_public_operation_and_function_of_the_tables_is_on_the_page() -> None:
    text = OPS_PAGE.read_text(encoding="utf-8")
    families = [name for names in FAMILIES.values() for name in names]
    names = {*families, *[name for name in registry() if name in tg.__all__]}
    assert [name for name in sorted(names) if f"\n### {name}\n" not in text] == []
    assert [name for name in sorted(names) if text.count(f"\n### {name}\n") > 1] == []
    assert " if 1 else " not in text, "a derivative on an axis of one number"
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert not any("." in title for title in titles), "a module that stands in no section"


# Renewing ----------------------------------------------------------------------------------------


def renew(page: Path) -> None:
    """Write what the page's code prints and draws now into the page and the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        done, _ = run(page, Path(folder))
        lines = page.read_text(encoding="utf-8").splitlines()
        for block, printed in reversed(done):
            if block.span is not None:
                lines[slice(*block.span)] = printed.split("\n")
            elif printed:
                print(f"{page.name}:{block.line} prints, but no ```text block follows:\n{printed}")
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for picture in (Path(folder) / "pictures").iterdir():
            (DOCS / "pictures").mkdir(exist_ok=True)
            (DOCS / "pictures" / picture.name).write_bytes(picture.read_bytes())


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    wanted = sys.argv[1:]
    for each in RUN:
        if not wanted or each.name in wanted:
            renew(each)
    if not wanted or OPS_PAGE.name in wanted:
        OPS_PAGE.write_text(op_page.page(), encoding="utf-8")

"""Text survives every encoding, and only what does not fit is changed."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.terminal import ascii_fallback, console, is_live, say

ENCODINGS = ["ascii", "cp1252", "cp437", "latin-1", "utf-8", "cp932"]


@given(st.text(), st.sampled_from(ENCODINGS))
def test_every_text_fits_every_encoding(text: str, encoding: str) -> None:
    out = ascii_fallback(text, encoding)
    out.encode(encoding)
    kept = "".join(c for c in text if ascii_fallback(c, encoding) == c)
    assert ascii_fallback(kept, encoding) == kept  # what fits is never touched


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("w₁·x₁ + b", "w1*x1 + b"),
        ("∇ +1.477", "grad +1.477"),
        ("a − b ≤ c", "a - b <= c"),
        ("σ(z)", "sigma(z)"),
        ("x² − e⁻ˣ", "x^2 - e^-^x"),
        ("┌─┬─┐", "+-+-+"),
        ("│ ║ ═", "| | ="),
        ("▁▄█", "_-#"),
        ("Größe", "Grosse"),
        ("\U0001f427", "?"),
        ("\ud800", "?"),
    ],
)
def test_notation_in_ascii(text: str, plain: str) -> None:
    assert ascii_fallback(text, "ascii") == plain


def test_a_code_page_keeps_what_it_has() -> None:
    assert ascii_fallback("Σ ─ ∇", "cp437") == "Σ ─ grad "
    assert ascii_fallback("× Σ ä", "cp1252") == "× sum ä"


def test_unknown_or_missing_encoding_counts_as_ascii() -> None:
    assert ascii_fallback("×", "no such codec") == "*"
    assert ascii_fallback("×", None) == "*"


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_say_and_console_into_a_file_of_a_code_page(encoding: str) -> None:
    from rich.table import Table

    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    say("∇ Σ ₁ →", file=file)
    table = Table("w₁", "∇")
    table.add_row("0.3", "−1")
    console(file, width=40).print(table)
    file.flush()
    text = raw.getvalue().decode(encoding)
    assert "->" in text and "w1" in text and "-1" in text
    assert "\N{NABLA}" not in text and "\u2501" not in text


def test_redirected_output_of_a_code_page() -> None:
    program = "from tinygrad_edu.terminal import say; say('∇w₁ → Σ')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, check=True, env={"PYTHONIOENCODING": "cp1252", "PYTHONPATH": "."},
    )  # fmt: skip
    assert done.stdout.decode("cp1252").strip() == "grad w1 -> sum"


def test_without_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    say("nobody hears this")
    console().print("nor this")
    assert not is_live()


def test_a_file_is_not_live() -> None:
    assert not is_live(io.StringIO())

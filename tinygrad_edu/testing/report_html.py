"""A gradient check's report for a notebook: the verdict, the numbers, the error against the step.

The plot needs matplotlib and is left out without it.
"""

from __future__ import annotations

import base64
import importlib.util
import io
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_edu.testing.report import Report

_COLOURS = {"right": "#1b7f4d", "wrong": "#b3261e", "silent": "#5f6368"}
_OTHER = "#8a5a00"


def html_of(report: Report) -> str:
    """The report as one self-contained block of HTML.

    >>> from tinygrad_edu.testing.report import Report
    >>> "gradient check: <b" in html_of(Report("right", argument="w", claimed=3.0, measured=3.0))
    True
    """
    head = f"gradient check: <b style='color:{_colour(report.verdict)}'>{report.verdict}</b>"
    rows = [("checked", report.checked)]
    if report.argument is not None:
        index = "" if not report.index else str(list(report.index))
        rows.append(("entry", f"{report.argument}{index}, {report.mode} mode"))
    rows += [("claimed", _number(report.claimed)), ("measured", _number(report.measured))]
    if report.digits is not None:
        rows.append(("agreement", f"{report.digits:.1f} digits"))
    rows += [("culprit", str(report.culprit or "")), ("nearest kink", str(report.kink or ""))]
    rows += [("note", note) for note in report.notes] + [("next", report.advice)]
    cells = "".join(_row(escape(name), escape(text)) for name, text in rows if text)
    cells += "".join(
        _row(escape(w.name), f"<b style='color:{_colour(w.verdict)}'>{w.verdict}</b> "
             + escape(w.said))
        for w in report.witnesses
    )  # fmt: skip
    return (
        "<div style='font-family:sans-serif;background:#fff;color:#202124;padding:8px'>"
        f"<p style='margin:0 0 6px'>{head}</p><table>{cells}</table>{plot(report)}</div>"
    )


def _row(name: str, text: str) -> str:
    left = "text-align:left;vertical-align:top;padding:1px 12px 1px 0"
    return f"<tr><th style='{left}'>{name}</th><td style='text-align:left'>{text}</td></tr>"


def _number(x: float | None) -> str:
    return "" if x is None else f"{x:.12g}"


def _colour(verdict: str) -> str:
    return _COLOURS.get(verdict, _OTHER)


def plot(report: Report) -> str:
    """Error against step as an embedded picture; nothing without matplotlib or without a curve."""
    if report.point is None or importlib.util.find_spec("matplotlib") is None:
        return ""
    from matplotlib.figure import Figure

    steps, errors = report.curve()
    shown = np.isfinite(errors) & (errors > 0.0)
    if shown.sum() < 2:
        return ""
    figure = Figure(figsize=(4.6, 2.8), layout="constrained")
    axes: Any = figure.subplots()
    axes.loglog(steps[shown], errors[shown], marker="o", color=_colour(report.verdict))
    axes.set_xlabel("step of the differences")
    axes.set_ylabel("relative distance\nfrom the claimed gradient")
    axes.grid(True, alpha=0.3)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    data = base64.b64encode(out.getvalue()).decode("ascii")
    return f"<img alt='error of differences against their step' src='data:image/png;base64,{data}'>"

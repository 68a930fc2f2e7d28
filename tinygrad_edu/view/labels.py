"""Text for pictures: numbers, subscripts, and names made safe to show.

Names come from the user and are never trusted: `clean` takes out what neither XML nor a terminal
should see, `shorten` keeps a label within its shape and says so with an ellipsis.

>>> number(-0.98513), number(float("nan")), number(1.5e-9)
('−0.985', 'NaN', '1.50e−9')
>>> subscripted("w12"), subscripted("bias_3"), subscripted("2x")
('w₁₂', 'bias₃', '2x')
"""

from __future__ import annotations

import math
import re
import unicodedata

__all__ = ["clean", "count", "number", "power", "shorten", "subscripted"]

_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number(value: float, decimals: int = 3) -> str:
    """A number as a label: `decimals` places, a real minus sign, powers of ten where needed."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    value = value or 0.0  # no "−0.000"
    if size == 0 or 0.5 * 10.0**-decimals <= size < 1e4:
        text = f"{value:.{decimals}f}"
    elif 1e4 <= size < 1e6:
        text = f"{value:.0f}"
    else:
        mantissa, exponent = f"{value:.{max(decimals - 1, 0)}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def count(value: int) -> str:
    """A count with thin groups: 100 480."""
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def power(exponent: float) -> str:
    """``( )²`` for a whole exponent, ``( )^0.5`` for any other."""
    if float(exponent).is_integer() and abs(exponent) < 1000:
        return "( )" + str(int(exponent)).translate(_SUPERSCRIPT)
    return "( )^" + f"{exponent:g}".replace("-", "−")


def subscripted(name: str) -> str:
    """A trailing number as a subscript, as the field writes it: w1 and w_1 become w₁."""
    match = re.fullmatch(r"([^\W\d_]+)_?([0-9]{1,3})", name)
    if match is None:
        return name
    return match[1] + match[2].translate(_SUBSCRIPT)


def clean(text: str) -> str:
    """`text` without control, formatting, surrogate or unassigned characters (each becomes �)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(c)[0] == "C" else c for c in text)


def shorten(text: str, limit: int = 24) -> str:
    """`text` cleaned, and cut in the middle with "…" when it is longer than `limit` characters."""
    text = clean(text)
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (limit - 1 - head) :]

"""Names of users made into identifiers of a program: valid, unique, and ASCII in every file."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "math", "np"})


def identifier(name: str) -> str:
    """The nearest ASCII identifier, or `""` where nothing of the name can be kept.

    >>> identifier("hidden.0.w₁"), identifier("α"), identifier("2nd try"), identifier("lambda")
    ('hidden_0_w1', 'alpha', '_2nd_try', 'lambda_')
    """
    text = re.sub(r"[^0-9a-zA-Z_]+", "_", "".join(_letters(c) for c in name)).rstrip("_")
    if not text.strip("_"):
        return ""
    if text[0].isdigit():
        text = "_" + text
    return f"{text}_" if text in TAKEN else text


def _letters(char: str) -> str:
    if char.isascii():
        return char
    said = unicodedata.name(char, "")
    if said.startswith("GREEK") and " LETTER " in said:
        letter = said.split(" LETTER ")[1].split(" ")[0]
        return letter.lower() if "SMALL" in said else letter.capitalize()
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    if plain or unicodedata.combining(char):
        return plain
    return f"u{ord(char):x}" if char.isalpha() else "_"


class Names:
    """Hands out identifiers, each once.

    >>> names = Names(["sigmoid"])
    >>> names.unique("w"), names.unique("w"), names.unique("sigmoid"), names.numbered("v")
    ('w', 'w_2', 'sigmoid_2', 'v1')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*TAKEN, *taken}
        self._counts: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """This identifier, or with a number where it is taken."""
        found, count = name, self._counts.get(name, 1)
        while found in self._taken:
            count += 1
            found = f"{name}_{count}"
        self._counts[name] = count
        self._taken.add(found)
        return found

    def numbered(self, prefix: str) -> str:
        """The next of v1, v2, … that is free."""
        count, found = self._counts.get(prefix, 0), prefix
        while found == prefix or found in self._taken:
            count += 1
            found = f"{prefix}{count}"
        self._counts[prefix] = count
        self._taken.add(found)
        return found

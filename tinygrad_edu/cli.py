"""The command line: ``tinygrad-edu`` or ``python -m tinygrad_edu``.

Every command is a function from its arguments to an exit code: 0 done, 1 a gradient is wrong, 2 it
could not be done, and then standard error says why and nothing has been half-written.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tinygrad_edu.errors import DataError, GradientError, TinygradError
from tinygrad_edu.terminal import ascii_fallback, encoding_of, say

DONE, WRONG, COULD_NOT, INTERRUPTED = 0, 1, 2, 130
PROGRAM = "tinygrad-edu"

_OVERVIEW = """\
Build a neuron from primitives, see every part of it, trust every gradient.
Without a command: the tour."""
_EXAMPLES = """\
examples:
  tinygrad-edu tour
  tinygrad-edu train penguins.csv --target species
  tinygrad-edu draw my_neuron.py:loss --out loss.svg
  tinygrad-edu check my_neuron.py:loss

`tinygrad-edu COMMAND --help` tells more. `python -m tinygrad_edu` is the same
program where the command is not on the path.
exit codes: 0 done, 1 a gradient is wrong, 2 it could not be done"""

_TOUR = """\
One neuron from primitives tells two species of penguins apart: as code, as an
algorithm, as numbers, as a picture; trained, checked and explained. Then a
small network does it for three species. About ten seconds."""
_TRAIN = """\
Train a network on a table: classes when the target holds words or few whole
numbers, a number otherwise. A quarter of the rows is held out and judges the
result beside a baseline that has learned nothing."""
_TRAIN_MORE = """\
examples:
  tinygrad-edu train penguins.csv --target species
  tinygrad-edu train houses.csv --target price --hidden 32,32 --epochs 200
  tinygrad-edu train flowers.csv --target kind --hidden none --out flowers

DIR holds model.npz, history.csv, picture.svg and report.txt. A folder that
holds anything else than an earlier run is never touched; an earlier run is
replaced when the new one is complete. Ctrl-C stops the training and keeps what
was learned so far."""
_DRAW = """\
Draw a Value or a model of your program: every weight, product, sum and
activation with its value and gradient."""
_CHECK = """\
Compare the gradients that a program computes with what happens to its output
when each number it starts from is nudged."""
_NAME_MORE = """\
FILE.py is run as a program (under another name than __main__). NAME is a Value
or a model in it, or a function that needs no arguments and returns one.

example: {example}"""
_PLAYGROUND = """\
Writes one neuron as a page to move and to train in a browser, without Python: sliders for inputs,
weights and bias, the activation to choose, the formula with numbers, the line it draws."""
_LAB = """\
Ideas about backpropagation that sound right and are not. Each runs in an engine
of its own: what it computes, what is right, and which check catches it."""
_DOCTOR = """\
What is installed, which ways to draw really work here, what this terminal can
show, and what to do about what does not."""


class _Parser(argparse.ArgumentParser):
    """argparse, with messages that every terminal can show."""

    def _print_message(self, message: str, file: Any = None) -> None:
        stream = file or sys.stderr
        if message and stream is not None:
            stream.write(ascii_fallback(message, encoding_of(stream)))

    def error(self, message: str) -> NoReturn:
        self.exit(COULD_NOT, f"{self.prog}: {message}\n  help: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code and raises nothing that a user could cause.

    >>> main(["--version"])
    tinygrad-edu 0.1.0
    0
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(given)
    except KeyboardInterrupt:
        say("\nstopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _close_output()
        return DONE
    except GradientError as error:
        say(error, file=sys.stderr)
        return WRONG
    except (TinygradError, OSError) as error:
        name = " ".join([PROGRAM, *[word for word in given[:1] if not word.startswith("-")]])
        say(f"{name}: {_said(error)}", file=sys.stderr)
        return COULD_NOT


def _run(given: list[str]) -> int:
    try:
        options = _parser().parse_args(given)
    except SystemExit as stop:  # help, version or a mistake, told already
        return stop.code if isinstance(stop.code, int) else COULD_NOT
    if options.command is None:
        options = _parser().parse_args(["tour"])
    code: int = options.run(options)
    return code


_SPOKEN = [  # what an error says in Python, as this command says it
    (r"types=\{(['\"])(.*?)\1: '(\w+)'\}", r"--type \2=\3"),
    (r"task='(\w+)'", r"--task \1"),
    (r"(decimal|delimiter|encoding)=(['\"])(.*?)\2", r"--\1 '\3'"),
    (r"header=False", "--no-header"),
]


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, TinygradError):
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return spoken(str(error)) if isinstance(error, DataError) else str(error)


def spoken(text: str) -> str:
    """What is said of arguments in Python, as the command says it.

    >>> spoken("task='regression' predicts it as a number")
    '--task regression predicts it as a number'
    """
    for python, shell in _SPOKEN:
        text = re.sub(python, shell, text)
    return text


def _close_output() -> None:
    """After ``| head``: nobody reads any more, and the interpreter must not try at its end."""
    import os

    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        sys.stdout = None


# The arguments -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description=_OVERVIEW,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_tour(commands)
    _add_train(commands)
    _add_program(commands, "draw", "draw a Value or model of your program", _DRAW)
    _add_program(commands, "check", "check its gradients against differences", _CHECK)
    lab = _command(commands, "lab", "wrong ideas about gradients, run and caught", _LAB)
    lab.add_argument("name", nargs="?", metavar="NAME", help="the one to run; without: the list")
    lab.set_defaults(run=_lab)
    doctor = _command(commands, "doctor", "what is installed and what works", _DOCTOR)
    doctor.set_defaults(run=_doctor)
    play = _command(commands, "playground", "one neuron to move, as a page", _PLAYGROUND)
    play.add_argument("--out", metavar="FILE", default="playground.html", help="[playground.html]")
    play.set_defaults(run=_playground)
    return parser


def _version() -> str:
    return str(sys.modules[__name__.partition(".")[0]].__version__)


def _command(commands: Any, name: str, line: str, text: str, more: str = "") -> _Parser:
    made: _Parser = commands.add_parser(
        name,
        help=line,
        description=text,
        epilog=more or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return made


def _add_tour(commands: Any) -> None:
    tour = _command(commands, "tour", "one neuron, then a network, on real penguins", _TOUR)
    tour.add_argument(
        "--out", metavar="DIR", default=None, help="folder for the pictures [tinygrad-edu-tour]"
    )
    tour.set_defaults(run=_tour)


def _add_train(commands: Any) -> None:
    train = _command(commands, "train", "train a network on your own table", _TRAIN, _TRAIN_MORE)
    add = train.add_argument
    add("file", metavar="FILE.csv", help="a table: comma, semicolon or tab; with a header")
    add("--target", metavar="COLUMN", required=True, help="the column to learn")
    add(
        "--hidden", metavar="16,16", type=sizes, default=[16, 16],
        help="neurons per hidden layer, or `none` [16,16]",
    )  # fmt: skip
    add(
        "--activation", metavar="NAME", type=activation, default="tanh",
        help="of the hidden neurons: tanh, relu, sigmoid, … [tanh]",
    )  # fmt: skip
    add("--seed", metavar="N", type=count_from(0), default=0, help="of split, weights, order [0]")
    add("--epochs", metavar="N", type=count_from(1), default=100, help="times through [100]")
    add("--lr", metavar="RATE", type=rate, default=0.01, help="size of Adam's steps [0.01]")
    add("--batch", metavar="N", type=count_from(1), default=32, help="rows per step [32]")
    add("--out", metavar="DIR", default=None, help="folder for the results [FILE-COLUMN]")
    table = train.add_argument_group("the table, where it is not understood by itself")
    add = table.add_argument
    add(
        "--type", metavar="COLUMN=KIND", type=column_type, action="append", default=[],
        help="read a column as number, category or text; may be repeated",
    )  # fmt: skip
    add("--task", choices=("classification", "regression"), help="what the target is")
    add("--decimal", metavar="SIGN", choices=(".", ","), help="the decimal sign")
    add("--delimiter", metavar="SIGN", help="what separates the columns")
    add("--encoding", metavar="NAME", help="the file's encoding, such as cp1252")
    add("--no-header", action="store_true", help="the first row is data already")
    train.set_defaults(run=_train)


def _add_program(commands: Any, name: str, line: str, text: str) -> None:
    example = f"tinygrad-edu {name} my_neuron.py:loss"
    parser = _command(commands, name, line, text, _NAME_MORE.format(example=example))
    parser.add_argument("program", metavar="FILE.py:NAME", help="what to look at")
    if name == "draw":
        parser.add_argument(
            "--level", default="auto", choices=("auto", "op", "neuron", "layer"), help="[auto]"
        )
        parser.add_argument(
            "--out", metavar="FILE", default=None,
            help="picture.svg .png .pdf .html .dot or .txt [NAME.svg]",
        )  # fmt: skip
        parser.add_argument("--show", action="store_true", help="open it in the browser")
    parser.set_defaults(run=_draw if name == "draw" else _check)


def sizes(text: str) -> list[int]:
    """``16,16`` as numbers; ``none`` for no hidden layer.

    >>> sizes("16, 8"), sizes("none")
    ([16, 8], [])
    """
    if text.strip().lower() in ("none", "0"):
        return []
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of layer sizes: write whole numbers from 1 up with commas "
            "between them, such as 16,16, or none"
        )
    return [int(part) for part in parts]


def activation(text: str) -> str:
    """The name of an activation; near matches for one that does not exist."""
    from tinygrad_edu.nn.layers import find_activation

    try:
        find_activation(text)
    except TinygradError as error:
        raise argparse.ArgumentTypeError(str(error).split("; a function")[0]) from None
    return text


def count_from(least: int) -> Callable[[str], int]:
    """A whole number from ``least`` up."""

    def whole(text: str) -> int:
        if text.strip().lstrip("+").isdecimal() and int(text) >= least:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")

    return whole


def column_type(text: str) -> tuple[str, str]:
    """`COLUMN=KIND` as a pair; the last = divides, because a column's name may hold one."""
    column, sign, kind = text.rpartition("=")
    if not sign or not column or kind not in ("number", "category", "text"):
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=number, =category or =text")
    return column, kind


def rate(text: str) -> float:
    """A positive, finite number."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


# The commands, each loaded when it is used -------------------------------------------------------


def _tour(options: argparse.Namespace) -> int:
    from tinygrad_edu.tour import tour

    tour(options.out)
    return DONE


def _train(options: argparse.Namespace) -> int:
    from tinygrad_edu.command_train import train

    train(options)
    return DONE


def _draw(options: argparse.Namespace) -> int:
    from tinygrad_edu.command_program import draw_program

    draw_program(options.program, options.level, options.out, options.show)
    return DONE


def _check(options: argparse.Namespace) -> int:
    from tinygrad_edu.command_program import check_program

    check_program(options.program)
    return DONE


def _playground(options: argparse.Namespace) -> int:
    from tinygrad_edu.files import write_whole
    from tinygrad_edu.view.playground import playground

    say(f"{write_whole(options.out, playground().encode())}: open it in a browser")
    return DONE


def _lab(options: argparse.Namespace) -> int:
    from tinygrad_edu.testing import lab

    say(lab.overview() if options.name is None else lab.shown(options.name))
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    from tinygrad_edu.doctor import diagnosis

    say(diagnosis())
    return DONE

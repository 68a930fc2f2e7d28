"""What a picture leaves out on purpose: chains of + become one Σ, a library function one box.

Both work on steps in place of the engine's nodes and keep every drawn number: the inner sums of a
chain have the gradient of the whole, and what is folded is counted in `Step.folded`.
"""

from __future__ import annotations

from tinygrad_edu.view.graph import Graph, Scope, Step
from tinygrad_edu.view.titles import operation

__all__ = ["fold"]

_SUMS = ("add", "add_n")


def fold(graph: Graph) -> Graph:
    """The graph with n-ary sums and function boxes folded; `graph` itself is used up."""
    return _compact(_fold_functions(_fold_sums(graph)))


def _compact(graph: Graph) -> Graph:
    """Only the steps that the root still uses, operands first."""
    order: list[Step] = []
    seen: set[Step] = set()
    stack: list[tuple[Step, bool]] = [(graph.root, False)]
    while stack:
        step, finished = stack.pop()
        if finished:
            order.append(step)
        elif step not in seen:
            seen.add(step)
            stack.append((step, True))
            stack.extend((x, False) for x in reversed(step.parents))
    return Graph(order, graph.root, graph.stale)


def _fold_sums(graph: Graph) -> Graph:
    """A sum that feeds one other sum of its scope, and has no name of its own, is part of it."""
    users = graph.users()

    def inner(x: object, outer: Step) -> bool:
        return (
            isinstance(x, Step)
            and x.op in _SUMS
            and len(users[x]) == 1
            and not x.name
            and x.scope == outer.scope
            and x.role in ("operation", "partial sum", "weighted sum")
        )

    for step in reversed(graph.steps):
        if step.op not in _SUMS or step.folded < 0:
            continue
        if not any(inner(x, step) for x in step.inputs):
            continue
        terms: list[object] = []
        stack = list(reversed(step.inputs))
        while stack:
            x = stack.pop()
            if inner(x, step):
                assert isinstance(x, Step)
                x.folded = -1  # done: it is looked at no more
                step.folded += 1
                step.slots += x.slots
                stack.extend(reversed(x.inputs))
            else:
                terms.append(x)
        step.inputs = terms
    return graph


def _function_of(step: Step) -> Scope:
    """The scope up to its outermost function, or () outside of functions."""
    for depth, (_, kind) in enumerate(step.scope):
        if kind == "function":
            return step.scope[: depth + 1]
    return ()


def _fold_functions(graph: Graph) -> Graph:
    """Each call of a function becomes one box: the step that leaves it, with the outer operands.

    Two results that share inner steps are left as they are: one box has one result here.
    """
    users = graph.users()
    exits = [
        step
        for step in graph.steps
        if not step.leaf
        and _function_of(step)
        and (
            step is graph.root
            or any(_function_of(user) != _function_of(step) for user in users[step])
        )
    ]
    owner: dict[Step, int] = {}
    shared: set[int] = set()
    bodies: list[list[Step]] = []
    for number, leaving in enumerate(exits):
        body, stack = [], [leaving]
        while stack:
            step = stack.pop()
            if step in owner:
                if owner[step] != number:
                    shared |= {owner[step], number}
                continue
            owner[step] = number
            body.append(step)
            same = _function_of(leaving)
            stack += [x for x in step.parents if not x.leaf and _function_of(x) == same]
        bodies.append(body)
    position = {step: index for index, step in enumerate(graph.steps)}
    for number, (leaving, body) in enumerate(zip(exits, bodies, strict=True)):
        if number not in shared:
            _make_box(leaving, sorted(body, key=lambda step: position[step]))
    return graph


def _make_box(leaving: Step, body: list[Step]) -> None:
    scope = _function_of(leaving)
    inside = set(body)
    entering = [x for step in body for x in step.parents if x not in inside]
    if entering and len(body) > 1:
        inside_out = ", ".join(operation(step) for step in body[:8])
        more = ", …" if len(body) > 8 else ""
        leaving.inputs = list(dict.fromkeys(entering))
        leaving.folded = len(body) - 1
        leaving.op = scope[-1][0]
        leaving.symbol, leaving.kind = scope[-1][0], "function"
        leaving.formula = f"{len(body)} operations in one box: {inside_out}{more}"
        leaving.params = {}
        leaving.slots += tuple(slot for step in body if step is not leaving for slot in step.slots)
    leaving.scope = scope[:-1]

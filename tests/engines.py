"""Which engines a test runs on."""

import pytest

ENGINES = ("sqlite", "postgresql")


def engines_of(node: pytest.Item | pytest.Function) -> tuple[str, ...]:
    """The engine that the test is a case for, else the ones its mark names, else all.

    Raises:
        pytest.UsageError: the mark names an engine that does not exist.
    """
    callspec = getattr(node, "callspec", None)
    if callspec is not None and "engine_name" in callspec.params:
        return (str(callspec.params["engine_name"]),)
    marked = tuple(name for mark in node.iter_markers("engines") for name in mark.args)
    if unknown := set(marked) - set(ENGINES):
        raise pytest.UsageError(f"{node.nodeid}: unknown engines {sorted(unknown)}; there are {', '.join(ENGINES)}")
    return marked or ENGINES

"""Which engines a test runs on."""

import pytest

ENGINES = ("sqlite", "postgresql")


def engines_of(test: pytest.Item) -> tuple[str, ...]:
    """The engine that the test is a case for, else the ones that its mark names, else all."""
    parameters = getattr(test, "callspec", None)
    if parameters is not None and "engine_name" in parameters.params:
        return (str(parameters.params["engine_name"]),)
    return tuple(str(name) for mark in test.iter_markers("engines") for name in mark.args) or ENGINES

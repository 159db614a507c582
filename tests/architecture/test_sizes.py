"""Files and functions stay small enough to be read in a sitting."""

import ast

from tests.architecture.source import PACKAGE, FunctionNode, functions_of, place, python_files

LONGEST_FILE = 400
LONGEST_BODY = 40


def test_no_file_is_longer_than_400_lines() -> None:
    """A longer file holds more than one noun."""
    lengths = {place(path): len(path.read_text().splitlines()) for path in python_files(PACKAGE)}

    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_body_is_longer_than_40_lines() -> None:
    """A longer function has steps that want names; the docstring does not count."""
    bodies = {
        f"{place(path, function.lineno)} {function.name}": _body_length(function)
        for path in python_files(PACKAGE)
        for function in functions_of(path)
    }

    assert {name: length for name, length in bodies.items() if length > LONGEST_BODY} == {}


def _body_length(function: FunctionNode) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0

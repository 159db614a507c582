"""examples/webshop: its README is followed word for word, and what it shows is what is printed."""

import shlex
import sys

import pytest

from tests.acceptance.shown import is_shown, steps
from tests.acceptance.webshop import Project

README = "examples/webshop/README.md"


def follow(project: Project, words: list[str], shown: str) -> None:
    """Type a command, with the variables in front of it; where the page shows nothing, anything may be printed."""
    environ = dict(one.split("=", 1) for one in words if "=" in one.split(" ")[0] and one.split("=")[0].isupper())
    program, *rest = words[len(environ) :]
    if program == "python":
        ended = project.run([sys.executable, *rest], **environ)
        assert ended.code == 0, ended
        assert not shown or is_shown(ended.out, shown), (shlex.join(words), shown, ended)


@pytest.mark.slow
def test_the_webshop_goes_as_its_readme_tells(project: Project) -> None:
    """Every command ends well and prints what stands there, its own tests among them; the order is invoiced at last."""
    for words, shown in steps(README):
        follow(project, words, shown)

    count = "from orders.models import Invoice; print(Invoice.objects.count())"
    assert project.python(count) == "2"

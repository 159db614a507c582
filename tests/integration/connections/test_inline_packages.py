"""Work packages in a test of Django's own, where nothing is ever committed."""

from typing import Any

import pytest
from django.test import TestCase

from packhorse import Packhorse
from packhorse.domain.package import Reference
from tests.integration.connections.test_inline import django_case
from tests.integration.connections.wired_django import ALIAS

__all__ = ["django_case"]


@pytest.mark.accepts("C24")
def test_djangos_testcase_runs_packages_through_captured_callbacks(django_case: TestCase) -> None:
    """Their handlers see the records that only the test's transaction has; a failed one is undone alone."""
    app = Packhorse(f"django://{ALIAS}", worker="inline")
    app.record_type("number", Reference, key=str, load=lambda tx, keys: {key: int(key) for key in keys})
    seen: list[int] = []

    @app.work_package(each=True, chunk=2)
    def post(number: Any) -> None:
        seen.append(number)
        if number == 3:
            raise ValueError

    with django_case.captureOnCommitCallbacks(using=ALIAS, execute=True):
        post.package(conn=ALIAS).add(*(Reference("number", str(n)) for n in range(5))).enqueue()
    app.close()
    assert seen == [0, 1, 2, 3, 4]

"""The pages of Packhorse in Django's admin: they show, change nothing, and never count or sort everything."""

import json
import re
from typing import Any

import pytest

from tests.acceptance.webshop import Project

ADMIN = "/admin/packhorse"
SEED = """
from datetime import timedelta
from django.contrib.auth.models import User
from orders.models import Order
from orders.tasks import app, write_invoice
from packhorse import Reference

User.objects.create_superuser("kim", "kim@example.org", "secret")
for total in (5, 0):
    write_invoice.enqueue(Order.objects.create(customer="Ada", total=total).pk)
app.run_pending()
write_invoice.using(queue="billing", delay=timedelta(hours=1)).enqueue(3)
app.enqueue("shop.elsewhere", "<script>alert(1)</script>")
app.queues.pause("billing", by="kim", reason="month end")
app.batch("month end").close()


@app.work_package(name="shop.pack")
def pack(orders: object) -> None: ...


pack.package().add(Reference("order", "7")).enqueue()
"""
LOOK = """
import json
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

seen = {{}}
for path in {paths!r}:
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username={user!r}))
    with CaptureQueriesContext(connection) as queries:
        answer = getattr(client, {method!r})(path)
    text = answer.content.decode() if hasattr(answer, "content") else ""
    said = {{"status": answer.status_code, "text": text, "to": answer.headers.get("Location")}}
    seen[path] = {{**said, "sql": [one["sql"] for one in queries.captured_queries]}}
print(json.dumps(seen))
"""


def look(project: Project, *paths: str, user: str = "kim", method: str = "get") -> list[dict[str, Any]]:
    """What that user gets at these addresses below the pages of Packhorse."""
    full = [f"{ADMIN}/{path}" for path in paths]
    seen = json.loads(project.python(LOOK.format(paths=full, user=user, method=method)))
    return [seen[path] for path in full]


def ids(page: dict[str, Any]) -> list[int]:
    """Those of the jobs in a list."""
    return [int(one) for one in re.findall(r'field-id"><a href="[^"]*/(\d+)/change/', page["text"])]


@pytest.fixture
def seeded(project: Project) -> Project:
    """The project with a job of each kind, run in the process that has enqueued them."""
    project.done("migrate", "--verbosity=0")
    project.python(SEED)
    return project


def test_the_pages_show_what_there_is(seeded: Project) -> None:
    """Each job is in its list, the queue says that it is paused, and what was enqueued by a stranger is escaped."""
    lists = look(seeded, "job/", "finished/", "inbox/", "queue/", "worker/", "schedule/", "batch/")
    assert [page["status"] for page in lists] == [200] * 7
    live, finished, inbox, queues, _, _, batches = lists
    assert ids(live) == [5, 4, 3]
    assert ids(finished) == [2, 1]
    assert ids(inbox) == [2]
    assert "paused by kim" in queues["text"]
    assert "month end" in batches["text"]

    failed, waiting, unknown, package = look(
        seeded, "inbox/2/change/", "job/3/change/", "job/4/change/", "job/5/change/"
    )
    assert "NothingToPay" in failed["text"]
    assert "Traceback (most recent call last)" in failed["text"]
    assert "paused by kim" in waiting["text"]
    assert "&lt;script&gt;alert(1)" in unknown["text"]
    assert "order:7" in package["text"]


def test_the_log_and_the_end_of_a_job_are_found(seeded: Project) -> None:
    """The page of a live job that has ended meanwhile leads to that of the finished one; its log lines are there."""
    moved, finished = look(seeded, "job/1/change/", "finished/1/change/")
    assert (moved["status"], moved["to"]) == (302, f"{ADMIN}/finished/1/change/")
    assert "invoiced 5.00 for order 1 of Ada" in finished["text"]


def test_jobs_are_searched_by_id_by_task_and_by_record(seeded: Project) -> None:
    """And filtered by state and queue; what is not there is not found."""
    searches = {
        "job/?q=4": [4],
        "job/?q=elsewhere": [4],
        "job/?q=order:7": [5],
        "job/?q=order:8": [],
        "job/?queue=billing": [3],
        "job/?state__exact=scheduled": [3],
        "finished/?q=99999999999999999999999": [],
        "finished/?q=write_invoice&state__exact=failed": [2],
        "inbox/?queue=billing": [],
    }
    assert dict(zip(searches, map(ids, look(seeded, *searches)), strict=True)) == searches


def test_no_page_counts_all_there_are(seeded: Project) -> None:
    """Every count ends at a limit, and every list is read in the order of its key."""
    for page in look(seeded, "job/", "finished/", "finished/?queue=default", "finished/?q=invoice", "inbox/", "batch/"):
        assert page["sql"]
        for text in page["sql"]:
            assert "COUNT(" not in text or "LIMIT 10000" in text
            assert "DISTINCT" not in text
            assert "ORDER BY" not in text or re.search(r'ORDER BY ("?\w+"?\.)*"id" DESC|ORDER BY 1 DESC', text), text


def test_nothing_can_be_changed(seeded: Project) -> None:
    """Not even by a superuser."""
    paths = ("finished/add/", "finished/1/change/", "finished/1/delete/", "queue/add/", "inbox/2/delete/")
    assert {page["status"] for page in look(seeded, *paths, method="post")} == {403}
    assert "sel" not in look(seeded, "job/")[0]["text"].split('name="action"')[1:]


def test_who_may_look_is_said_by_permissions(seeded: Project) -> None:
    """As everywhere in the admin; there are no others than to view."""
    seeded.python(
        """
from django.contrib.auth.models import Permission, User
found = Permission.objects.filter(content_type__app_label="packhorse")
assert {one.codename.split("_")[0] for one in found} == {"view"}, found
user = User.objects.create_user("ann", is_staff=True)
user.user_permissions.add(found.get(codename="view_inbox"))
"""
    )
    pages = look(seeded, "inbox/", "inbox/2/change/", "finished/", "queue/", "finished/1/change/", user="ann")
    assert [page["status"] for page in pages] == [200, 200, 403, 403, 403]

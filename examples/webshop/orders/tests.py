"""The tests of the shop. `PACKHORSE_WORKER=immediate` runs each job where it is enqueued, in the open transaction."""

from django.db import transaction
from django.test import TestCase

from orders.models import Invoice, Order
from packhorse.integrations.django.application import application


class PlacingTest(TestCase):
    """What happens to an order that is placed on the page."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Packhorse's own connections are closed before the test database is dropped."""
        cls.addClassCleanup(application().close)

    def test_an_order_is_invoiced(self) -> None:
        """By a job of the same transaction."""
        answer = self.client.post("/orders/", {"customer": "Ada", "total": "49.90"})
        self.assertEqual(answer.status_code, 201)
        self.assertEqual(Invoice.objects.get().order.customer, "Ada")

    def test_what_is_rolled_back_is_not_invoiced(self) -> None:
        """Neither the order nor its job is there."""
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.client.post("/orders/", {"customer": "Ada", "total": "49.90"})
            1 / 0  # noqa: B018 - what goes wrong later in the request
        self.assertFalse(Order.objects.exists() or application().list_jobs())

    def test_an_order_is_shipped(self) -> None:
        """By a call that its page makes later."""
        order = Order.objects.create(customer="Ada", total=1)
        answer = self.client.post(f"/orders/{order.pk}/ship/")
        self.assertEqual(answer.status_code, 202)
        order.refresh_from_db()
        self.assertTrue(order.shipped)

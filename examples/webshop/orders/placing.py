"""How an order comes into the shop, by the page and by the command."""

from decimal import Decimal

from django.db import transaction

from orders.models import Order
from orders.tasks import write_invoice


def place(customer: str, total: Decimal) -> Order:
    """The order and the job that invoices it are stored together, or neither is."""
    with transaction.atomic():
        order = Order.objects.create(customer=customer, total=total)
        write_invoice.enqueue(order.pk)
    return order

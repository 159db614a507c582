"""What is done later. Packhorse finds the `tasks` of every installed application by itself."""

from orders.models import Invoice, Order
from packhorse import Context, Fail
from packhorse.integrations.django.application import application

app = application()


class NothingToPay(Exception):
    """An order of nothing; trying again won't help."""


@app.task(atomic=True, on_error={NothingToPay: Fail})
def write_invoice(ctx: Context, order_id: int) -> None:
    """In one transaction with the end of the job: there is one invoice, or none and the job is still to be done."""
    order = Order.objects.get(pk=order_id)
    if order.total <= 0:
        raise NothingToPay(f"{order} has a total of {order.total}")
    Invoice.objects.create(order=order, amount=order.total)
    ctx.log.info("invoiced %s for %s", order.total, order)

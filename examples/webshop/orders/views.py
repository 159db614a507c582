"""The pages of the shop; a real one would check who is asking."""

from decimal import Decimal

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from orders import placing
from orders.models import Order


@require_POST
def place(request: HttpRequest) -> JsonResponse:
    """Place an order."""
    order = placing.place(request.POST["customer"], Decimal(request.POST["total"]))
    return JsonResponse({"order": order.pk}, status=201)


@require_POST
def ship(request: HttpRequest, order_id: int) -> JsonResponse:
    """Have an order shipped, later: the carrier is slow."""
    order = get_object_or_404(Order, pk=order_id)
    job = Order.later.ship(order)
    return JsonResponse({"order": order.pk, "job": job.id}, status=202)

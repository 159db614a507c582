"""`manage.py place CUSTOMER TOTAL`: place an order."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand

from orders.placing import place


class Command(BaseCommand):
    """Place an order."""

    help = "Place an order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and how much."""
        parser.add_argument("customer")
        parser.add_argument("total", type=Decimal)

    def handle(self, *args: Any, **options: Any) -> None:
        """Place it."""
        self.stdout.write(f"placed {place(options['customer'], options['total'])}")

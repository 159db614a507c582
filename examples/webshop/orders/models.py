"""What the shop keeps."""

from django.db import models

from packhorse import Deferrable


class Order(Deferrable, models.Model):
    """What a customer has ordered."""

    customer = models.CharField(max_length=100)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    shipped = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"order {self.pk} of {self.customer}"

    def ship(self) -> None:
        """Hand it to the carrier."""
        self.shipped = True
        self.save(update_fields=["shipped"])


class Invoice(models.Model):
    """What is to be paid for an order."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE)
    amount = models.DecimalField(max_digits=10, decimal_places=2)

    def __str__(self) -> str:
        return f"invoice for {self.order}"

"""The shop's own pages in the admin, beside those of Packhorse."""

from django.contrib import admin

from orders.models import Invoice, Order

admin.site.register(Order, list_display=["id", "customer", "total", "shipped"])
admin.site.register(Invoice, list_display=["id", "order", "amount"])

"""Two applications, each with its own database, which one command serves."""

import os

from packhorse import Packhorse

shop = Packhorse(os.environ["SHOP_DATABASE_URL"])
crm = Packhorse(os.environ["CRM_DATABASE_URL"])


@shop.task(name="tell")
def tell_of_shop(text: str) -> str:
    """Say whose run it is."""
    return f"shop {text} {os.getpid()}"


@crm.task(name="tell")
def tell_of_crm(text: str) -> str:
    """Say whose run it is."""
    return f"crm {text} {os.getpid()}"

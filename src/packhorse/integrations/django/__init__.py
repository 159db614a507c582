"""Django: jobs that commit with `transaction.atomic`, and handlers that run in it.

INSTALLED_APPS = [..., "packhorse.integrations.django"]

app = application()                                 # of packhorse.integrations.django.application

send_invoice.enqueue(42)                            # in the `atomic` block that is open on the settings' alias
send_invoice.using(conn="archive").enqueue(42)      # on another connection to the same database, or its alias
"""

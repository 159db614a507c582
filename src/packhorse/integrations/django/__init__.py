"""Django: jobs that commit with `transaction.atomic`, and handlers that run in it.

app = Packhorse("django://default")

send_invoice.using(conn="default").enqueue(42)      # an alias, or a connection of django.db.connections
"""

"""An example shop: orders come in from CSV files, Packhorse writes their invoices. `make demo` runs it."""

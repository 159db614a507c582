"""Jobs on the connections that applications have: drivers, SQLAlchemy, Django."""

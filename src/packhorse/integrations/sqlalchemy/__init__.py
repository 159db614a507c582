"""SQLAlchemy: jobs that commit with a session, handlers that write through one, and SQLite begun the right way.

send_invoice.using(conn=session).enqueue(42)        # Session, Connection, scoped_session, and the async ones

engine = create_engine("sqlite:///shop.db")
begin_immediate(engine)                             # so that read-then-write transactions can always write
"""

from packhorse.integrations.sqlalchemy.connections import adapt
from packhorse.integrations.sqlalchemy.immediate import begin_immediate
from packhorse.integrations.sqlalchemy.sessions import session_on

__all__ = ["adapt", "begin_immediate", "session_on"]

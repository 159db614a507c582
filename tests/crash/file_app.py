"""The application of the crash tests of files: each job writes one file, and one line in the database."""

import os

from packhorse import Context, Packhorse

app = Packhorse(os.environ["ORACLE_DATABASE_URL"], files=os.environ["ORACLE_FILES"])
MARK = "?" if app.engine.dialect == "sqlite" else "%s"


@app.task(name="print", atomic=True, max_crashes=100)
def print_(ctx: Context, n: int) -> None:
    """Write the number down twice."""
    ctx.files.write(f"slips/{n}", str(n))
    ctx.tx.execute(f"insert into effects (n) values ({MARK})", (n,))  # noqa: S608 - of two words

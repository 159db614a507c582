"""Run the Python blocks of a page in order, in one namespace, as a reader types them into one program.

As `python -m tests.acceptance.run_page docs/guide.md sqlite`, in the folder of its files. Blocks that are files are
left out. In place of the addresses that the page writes for SQLAlchemy, those of the database of
PACKHORSE_DATABASE_URL are used, as its comments tell the reader to.
"""

import ast
import asyncio
import inspect
import os
import sys

from tests.acceptance.pages import blocks

WRITTEN = {"sqlite:///shop.db": "postgresql+psycopg:", "sqlite+aiosqlite:///shop.db": "postgresql+asyncpg:"}


async def run(page: str, engine: str) -> None:
    """Run them; the names that one defines are there for the next."""
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python", engine):
        if block.file is None:
            text = "\n" * (block.line - 1) + adapted(block.code, engine)
            code = compile(text, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            waiting = eval(code, names)  # noqa: S307 - the page is ours
            if inspect.iscoroutine(waiting):
                await waiting


def adapted(text: str, engine: str) -> str:
    """With the address of the test's database on a server."""
    if engine == "postgresql":
        _, _, place = os.environ["PACKHORSE_DATABASE_URL"].partition(":")
        for written, scheme in WRITTEN.items():
            text = text.replace(f'"{written}"', f'"{scheme}{place}"')
    return text


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))

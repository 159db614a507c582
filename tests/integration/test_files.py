"""`ctx.files`: what a handler writes appears with the commit of its transaction, and otherwise never."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from packhorse import ConfigurationError, Context, Fail, JobState, Packhorse, UsageError
from packhorse.domain.filename import STAGING
from packhorse.filecommits import FileChange
from packhorse.runtime.filekeeper import FileKeeper
from tests.integration.queuetables.kit import AT_ONCE, Stock

NAME = "invoices/2026/42.pdf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files are to be."""
    return tmp_path / "files"


@pytest.fixture
def app(migrated_url: str, folder: Path) -> Iterator[Packhorse]:
    """An application that has files."""
    with closing(Packhorse(migrated_url, files=folder)) as app:
        yield app


def staged(folder: Path) -> list[str]:
    """What waits for a commit, or was left: the folders of transactions."""
    return [path.name for path in folder.glob(f"{STAGING}/*/*") if path.is_dir()]


def run(app: Packhorse, task: Any, *args: Any) -> Any:
    """Run a task once; its job's record."""
    job = task.enqueue(*args)
    app.run_pending()
    return job.record()


@pytest.mark.accepts("O3")
def test_a_file_appears_with_the_commit(app: Packhorse, folder: Path) -> None:
    """While the handler runs it alone sees the file; then everybody does, and nothing else is left."""
    seen: list[bool] = []

    @app.task(name="print", atomic=True)
    def print_(ctx: Context) -> None:
        ctx.files.write(NAME, b"%PDF")
        seen.extend((ctx.files.exists(NAME), app.files.exists(NAME), (folder / NAME).exists()))

    assert run(app, print_).state == JobState.SUCCEEDED
    assert seen == [True, False, False]
    assert (app.files.read(NAME), app.files.path(NAME)) == (b"%PDF", folder / NAME)
    assert (app.files.list(), app.files.list("invoices/2026/4"), app.files.list("x")) == ([NAME], [NAME], [])
    assert (staged(folder), app.engine.list_file_commits()) == ([], [])


@pytest.mark.accepts("O3")
def test_nothing_is_left_of_the_files_of_a_run_that_fails(app: Packhorse, folder: Path) -> None:
    """Neither what it wrote nor what it deleted."""

    @app.task(name="keep", atomic=True)
    def keep(ctx: Context) -> None:
        ctx.files.write("old", "kept")

    @app.task(name="spoil", atomic=True, on_error={ValueError: Fail})
    def spoil(ctx: Context) -> None:
        ctx.files.write("old", "spoilt")
        ctx.files.write("new", "x")
        ctx.files.delete("old")
        raise ValueError

    run(app, keep)
    assert run(app, spoil).state == JobState.FAILED
    assert (app.files.list(), app.files.read("old", encoding="utf-8"), staged(folder)) == (["old"], "kept", [])


@pytest.mark.accepts("O3")
def test_files_are_replaced_deleted_and_read_as_the_transaction_sees_them(app: Packhorse) -> None:
    """The last change of a name counts; others see all of it at once."""
    seen: list[Any] = []

    @app.task(name="first", atomic=True)
    def first(ctx: Context) -> None:
        for name in ("a", "b", "c/d"):
            ctx.files.write(name, f"{name} 1")

    @app.task(name="second", atomic=True)
    def second(ctx: Context) -> None:
        ctx.files.write("a", "a 2")
        ctx.files.delete("b")
        ctx.files.write("c/e", "c/e 2")
        ctx.files.delete("c/e")
        with ctx.files.open("f", encoding="utf-8") as file:
            file.write("line\n")
        seen.append((ctx.files.list(), ctx.files.list("c/"), ctx.files.read("a"), ctx.files.read("c/d")))
        with pytest.raises(FileNotFoundError, match="no such file in the file store"):
            ctx.files.read("b")
        with pytest.raises(FileNotFoundError):
            ctx.files.delete("c/e")
        seen.append(app.files.list())

    run(app, first)
    assert run(app, second).state == JobState.SUCCEEDED
    assert seen == [(["a", "c/d", "f"], ["c/d"], b"a 2", b"c/d 1"), ["a", "b", "c/d"]]
    assert app.files.list() == ["a", "c/d", "f"]
    assert app.files.read("f") == b"line\n"


def test_a_savepoint_takes_its_files_along(app: Packhorse) -> None:
    """Those before and after it stay."""

    @app.task(name="parts", atomic=True)
    def parts(ctx: Context) -> None:
        ctx.files.write("before", b"")
        with suppress(ValueError), ctx.tx.savepoint():
            ctx.files.write("inside", b"")
            ctx.files.delete("before")
            raise ValueError
        ctx.files.write("after", b"")

    assert run(app, parts).state == JobState.SUCCEEDED
    assert app.files.list() == ["after", "before"]


def test_a_coroutine_has_files_too(app: Packhorse, folder: Path) -> None:
    """With its commit, and not when it fails."""

    @app.task(name="fetch", atomic=True, max_attempts=1)
    async def fetch(ctx: Context, name: str) -> None:
        await asyncio.to_thread(ctx.files.write, name, b"1")
        with suppress(KeyError):
            async with ctx.tx.savepoint():
                ctx.files.write("inside", b"")
                raise KeyError
        if name == "bad":
            raise ValueError

    states = [run(app, fetch, name).state for name in ("good", "bad")]
    assert states == [JobState.SUCCEEDED, JobState.FAILED]
    assert (app.files.list(), staged(folder)) == (["good"], [])


def test_a_package_commits_files_with_each_chunk(app: Packhorse) -> None:
    """Of a record that fails nothing appears, of its neighbours everything."""
    app.record_type("line", int, key=str, load=lambda tx, keys: {key: int(key) for key in keys})

    @app.work_package(name="export", each=True, chunk=2)
    def export(ctx: Context, line: int) -> None:
        ctx.files.write(f"lines/{line}", b"")
        if line == 3:
            raise ValueError

    export.package().add(*range(1, 6)).enqueue()
    app.run_pending()
    assert app.files.list() == [f"lines/{line}" for line in (1, 2, 4, 5)]


@pytest.mark.accepts("O3")
@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_a_processor_s_files_appear_with_the_removal_of_its_row(
    migrated_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    """A row that fails leaves none, and has one when it is done at last."""
    monkeypatch.setenv("PACKHORSE_FILES", str(folder))
    with Stock.opened(migrated_url) as stock:
        calls: list[tuple[int, bool]] = []

        def move(ctx: Context, row: Any) -> None:
            name = f"slips/{row.product_id}"
            calls.append((row.product_id, stock.app.files.exists(name)))
            ctx.files.write(name, str(row.quantity))
            if calls.count((2, False)) == 1 and row.product_id == 2:
                raise ValueError

        async def amove(ctx: Context, row: Any) -> None:
            move(ctx, row)

        stock.processor(amove if is_async else move, backoff=AT_ONCE)
        stock.insert(1, 2, 3)
        stock.run()
        assert (stock.waiting, stock.app.files.list()) == ([], ["slips/1", "slips/2", "slips/3"])
        assert sorted(calls) == [(1, False), (2, False), (2, False), (3, False)]
        assert staged(folder) == []


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a\\b", "a\nb", ".packhorse/x", 7])
def test_a_name_that_leads_elsewhere_is_refused(app: Packhorse, folder: Path, name: Any) -> None:
    """For every call, and nothing is written."""

    @app.task(name="try", atomic=True)
    def try_(ctx: Context) -> None:
        for call in (lambda: ctx.files.write(name, b""), lambda: ctx.files.read(name), lambda: ctx.files.delete(name)):
            with pytest.raises(UsageError, match="file's name"):
                call()

    app.files.check()
    assert run(app, try_).state == JobState.SUCCEEDED
    assert [path for path in folder.rglob("*") if path.is_file() and STAGING not in path.parts] == []


def test_what_can_t_be_both_a_file_and_a_folder_is_refused(app: Packhorse, folder: Path) -> None:
    """Before the commit, which would be too late to say so."""
    (folder / "taken").mkdir(parents=True)
    (folder / "plain").write_bytes(b"")

    @app.task(name="both", atomic=True)
    def both(ctx: Context) -> None:
        ctx.files.write("a", b"")
        for name, why in (("a/b", "can't both be files"), ("taken", "a folder"), ("plain/x", "plain is no folder")):
            with pytest.raises(UsageError, match=why):
                ctx.files.write(name, b"")

    assert run(app, both).state == JobState.SUCCEEDED


def test_files_need_a_folder_and_a_transaction(migrated_url: str, app: Packhorse) -> None:
    """Whoever asks for them without is told what to write."""
    errors: list[str] = []

    @app.task(name="plain")
    def plain(ctx: Context) -> None:
        with pytest.raises(UsageError) as refused:
            ctx.files.write("x", b"")
        errors.append(str(refused.value))

    run(app, plain)
    assert "declare it with @app.task(atomic=True)" in errors[0]
    with closing(Packhorse(migrated_url)) as other, pytest.raises(ConfigurationError, match="PACKHORSE_FILES"):
        other.files.list()


def test_files_are_not_written_after_the_run(app: Packhorse) -> None:
    """What goes on in a thread of the handler's is told so."""
    kept: list[Any] = []

    @app.task(name="leave", atomic=True)
    def leave(ctx: Context) -> None:
        block = ctx.files.open("late")
        kept.extend((block, block.__enter__()))

    run(app, leave)
    kept[1].write(b"x")
    with pytest.raises(UsageError, match="the transaction that it belongs to has ended"):
        kept[0].__exit__(None, None, None)
    assert app.files.list() == []


def test_a_folder_that_can_t_be_written_to_is_named(migrated_url: str, tmp_path: Path) -> None:
    """With the setting that names it."""
    (tmp_path / "file").write_bytes(b"")
    with (
        closing(Packhorse(migrated_url, files=tmp_path / "file" / "x")) as app,
        pytest.raises(ConfigurationError, match="which the setting files names: Not a directory"),
    ):
        app.files.check()


def commit_and_die(app: Packhorse, name: str, *, commits: bool) -> None:
    """A transaction that has staged a file, and whose process ends right after its commit, or right before."""
    folder = app.files.begin()
    folder.file(1).write_bytes(name.encode())
    commit = app.files.commit_of(folder, [FileChange(name, 1)])
    transaction = app.engine.begin()
    for statement in app.engine.commit_files(commit):
        transaction.run(statement)
    transaction.commit() if commits else transaction.rollback()
    folder.free()


def test_whoever_reads_first_puts_a_dead_processs_files_in_place(app: Packhorse, folder: Path) -> None:
    """They are there from the commit on."""
    commit_and_die(app, "a", commits=True)
    assert not (folder / "a").exists()
    assert app.files.read("a") == b"a"


def test_a_worker_settles_what_a_dead_process_has_left(app: Packhorse, folder: Path) -> None:
    """What has committed is put in place, what has not vanishes; the database forgets both."""
    commit_and_die(app, "a", commits=True)
    commit_and_die(app, "b", commits=False)
    FileKeeper(app.files).run_once()
    assert (staged(folder), app.engine.list_file_commits()) == ([], [])
    assert sorted(path.name for path in folder.iterdir()) == [STAGING, "a"]


def test_the_last_commit_of_a_name_holds_in_whatever_order_they_are_settled(app: Packhorse) -> None:
    """An older file does not come over a newer one."""

    @app.task(name="write", atomic=True)
    def write(ctx: Context) -> None:
        ctx.files.write("a", b"newer")

    commit_and_die(app, "a", commits=True)
    [older] = app.engine.list_file_commits()
    run(app, write)
    assert app.engine.list_file_changes(older.token) == []
    app.files.recover()
    assert app.files.read("a") == b"newer"

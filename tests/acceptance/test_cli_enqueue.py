"""`packhorse enqueue`: by hand, from standard input, and what is refused."""

import json
import re

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine

pytestmark = pytest.mark.usefixtures("shop")


def test_a_job_is_enqueued_by_hand(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Words are JSON values where they read as such, else text; the job carries the options given."""
    done = shop_cli(
        "enqueue", "shop.greet", "Ann", "true", "--queue", "vip", "--priority", "high", "--max-attempts", "2"
    )
    [job] = shop.list_jobs()

    assert (done.code, done.out) == (0, f"job {job.id}\n")
    assert (job.task, job.args, job.kwargs) == ("shop.greet", '["Ann",true]', None)
    assert (job.queue, job.priority, job.max_attempts) == ("vip", 3, 2)


def test_all_arguments_can_be_one_json_array(shop_cli: CommandLine, shop: Packhorse) -> None:
    """And keywords a JSON object; what the command prints is JSON, too, when asked."""
    done = shop_cli("enqueue", "shop.greet", '["Zoë \\u2028 ✓"]', "--kwargs", '{"loud": true}', "--json")
    [job] = shop.list_jobs()

    assert done.json == [{"id": job.id}]
    assert json.loads(job.args) == ["Zoë \u2028 ✓"]
    assert job.kwargs == '{"loud":true}'
    assert job.queue == "mail"


def test_a_job_can_wait_for_its_time(shop_cli: CommandLine, shop: Packhorse) -> None:
    """--delay counts from now, --at names a moment with its time zone."""
    assert shop_cli("enqueue", "shop.wait", "0", "--delay", "2h").code == 0
    assert shop_cli("enqueue", "shop.wait", "0", "--at", "2200-01-01T00:00:00+01:00").code == 0
    later, delayed = shop.list_jobs(state=JobState.SCHEDULED)

    assert later.scheduled_at is not None
    assert later.scheduled_at.isoformat() == "2199-12-31T23:00:00+00:00"
    assert delayed.scheduled_at is not None
    assert 7100 < (delayed.scheduled_at - delayed.enqueued_at).total_seconds() < 7300


def test_a_job_carries_keys(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Those of its line and its group, and the jobs that it waits for."""
    first, second = (shop.enqueue("shop.wait", 0) for _ in range(2))
    words = ["--serial-key", "c 7", "--group", "tenant", "--after", str(first.id), "--after", str(second.id)]
    assert shop_cli("enqueue", "shop.greet", "Ann", *words).code == 0
    [job] = shop.list_jobs(state=JobState.BLOCKED)

    assert (job.serial_key, job.group_key, job.waits_for) == ("c 7", "tenant", "jobs")
    assert [one.id for one in shop.engine.list_needed(job.id)] == [first.id, second.id]


def test_a_second_job_with_a_unique_key_is_refused(shop_cli: CommandLine, shop: Packhorse) -> None:
    """With an exit code of its own, unless it is said what else is to be done."""
    words = ["enqueue", "shop.greet", "--unique-key", "hello"]
    first = shop_cli(*words, "Ann")
    refused = shop_cli(*words, "Ben")
    assert (first.code, refused.code, refused.out) == (0, 6, "")
    assert "has it already" in refused.complaint

    assert shop_cli(*words, "Cy", "--on-duplicate", "keep").out == first.out
    assert shop_cli(*words, "Dee", "--on-duplicate", "replace").out == first.out
    assert [job.args for job in shop.list_jobs()] == ['["Dee"]']


def test_each_line_of_standard_input_is_a_job(shop_cli: CommandLine, shop: Packhorse) -> None:
    """A JSON array is all arguments, an object keywords, anything else one argument; blank lines are passed over."""
    lines = ['["Ann", true]', "", '{"name": "Bob"}', '"Cy\\u2028d"']
    done = shop_cli("enqueue", "shop.greet", "-", stdin="\n".join(lines))

    assert done.out.startswith("3 jobs, ")
    assert [(job.args, job.kwargs) for job in reversed(shop.list_jobs())] == [
        ('["Ann",true]', None),
        ("[]", '{"name":"Bob"}'),
        ('["Cy\u2028d"]', None),
    ]


def test_thousands_of_lines_are_one_transaction(shop_cli: CommandLine, shop: Packhorse) -> None:
    """All lines become jobs, or none: here the last one does not fit the task."""
    lines = [json.dumps([f"customer {n}"]) for n in range(4500)]
    refused = shop_cli("enqueue", "shop.greet", "-", stdin="\n".join([*lines, '["one", true, "too many"]']))
    assert refused.code == 2
    assert shop.count_jobs()[JobState.AVAILABLE] == 0

    assert shop_cli("enqueue", "shop.greet", "-", stdin="\n".join(lines)).code == 0
    assert shop.count_jobs()[JobState.AVAILABLE] == 4500


def test_progress_is_for_terminals(shop_cli: CommandLine, shop: Packhorse) -> None:
    """A line with the count, the rate and the time left while much is stored; gone afterwards, never in a pipe."""
    (shop_cli.folder / "lines").write_text("0\n" * 4500)
    command = " ".join(shop_cli.words("enqueue", "shop.wait", "-", "<lines"))

    assert "\r" not in shop_cli.run(["sh", "-c", command]).err
    shown = shop_cli.run(["script", "-qec", command, "/dev/null"]).out
    assert "\renqueue: 4,500 …" in shown
    assert re.search(r"\r\x1b\[K4,500 jobs, \d+ to \d+", shown)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("words", "stdin", "why"),
    [
        (["shop.gret", "Ann"], "", "did you mean 'shop.greet'?"),
        (["shop.greet"], "", "missing a required argument: 'name'"),
        (["shop.greet", "Ann", "--kwargs", '{"lout": true}'], "", "unexpected keyword argument 'lout'"),
        (["shop.greet", "-"], '"Ann"\n["Bob"', "line 2 of standard input is no JSON"),
        (["shop.greet", "-"], '"Ann"\n\n["Bob", true, 3]', "line 3 of standard input: greet(name: str, loud: bool"),
        (["shop.greet", "-"], '"Ann"\n{"nam": "Bob"}', "line 2 of standard input: greet("),
        (["shop.greet", "-"], "[NaN]", "NaN is a number that JSON does not have"),
        (["shop.greet", "-"], '"\\u0000"', "contains a NUL character"),
        (["shop.greet", "-"], '"\\ud800"', "contains a lone surrogate"),
        (["shop.greet", "-"], "[" * 70 + "]" * 70, "is nested more than 64 levels deep"),
        (["shop.greet", "-"], "[" * 100_000, "line 1 of standard input is"),
        (["shop.greet", "-"], json.dumps("x" * 262_143), "more than the 262,144 allowed"),
        (["shop.greet", "-"], "\udcff\udcfe", "standard input is no UTF-8 text"),
        (["shop.greet", "[1,"], "", "argument 1 is no JSON"),
        (["shop.greet", "Ann", "--kwargs", "[1]"], "", "--kwargs must be a JSON object"),
        (["shop.greet", "Ann", "--queue", "a b"], "", "'a b' is no name for a queue"),
        (["shop.greet", "Ann", "--max-attempts", "0"], "", "it must be at least 1"),
        (["shop.greet", "Ann", "--delay", "1s", "--at", "2200-01-01T00:00Z"], "", "give --delay or --at, not both"),
        (["shop.greet", "Ann", "--on-duplicate", "keep"], "", "say something of a unique_key: give one"),
        (["shop.greet", "Ann", "--unique-key", ""], "", "unique_key must be a text of 1 to 200 characters"),
    ],
)
def test_what_would_not_run_is_refused(
    shop_cli: CommandLine, shop: Packhorse, words: list[str], stdin: str, why: str
) -> None:
    """An unknown task, a wrong call, an argument that would not survive: one line says why, and nothing is stored."""
    done = shop_cli("enqueue", *words, stdin=stdin)

    assert done.code == 2
    assert why in done.complaint
    assert shop.list_jobs() == []


def test_any_name_is_taken_where_no_code_is_at_hand(shop_cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """The job may be for an application elsewhere; if workers run and none knows its task, that is said."""
    assert shop_cli("enqueue", "elsewhere.task", "1", "--database-url", database_url).err == ""

    worker = shop.worker()
    worker.start()
    done = shop_cli("enqueue", "shop.gret", "Ann", "--database-url", database_url)
    worker.stop()
    worker.end()

    assert done.code == 0
    assert "no worker that runs now knows a task 'shop.gret'" in done.err
    assert "did you mean 'shop.greet'?" in done.err

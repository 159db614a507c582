"""The tests of the project, for `python -m unittest`: what Django's task API promises, and what Packhorse adds."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from packhorse import ConfigurationError
from packhorse.integrations.django import packhorse_options, packhorse_task
from tests.integration.djangotasks.api import InvalidTask, exceptions, signals
from tests.integration.djangotasks.api import tasks as api
from tests.integration.djangotasks.project import ProjectTest, application, tasks, told, worker
from tests.waiting import wait_until

READY, FAILED, SUCCESSFUL = (api.TaskResultStatus[name] for name in ("READY", "FAILED", "SUCCESSFUL"))
atomic: Any = transaction.atomic
FLAGS = ("supports_defer", "supports_async_task", "supports_get_result", "supports_priority")


class Flags(ProjectTest):
    """Every capability flag is true, and true."""

    def test_every_capability_flag_is_true(self) -> None:
        """Also any that a newer Django may have."""
        backend = api.task_backends["default"]
        names = [name for name in dir(backend) if name.startswith("supports_")]
        self.assertLessEqual(set(FLAGS), set(names))
        self.assertEqual({name: getattr(backend, name) for name in names}, dict.fromkeys(names, True))

    def test_a_task_with_run_after_runs_then(self) -> None:
        """supports_defer."""
        later = timezone.now() + timedelta(hours=1)
        deferred, due = tasks.add.using(run_after=later).enqueue(1, 2), tasks.add.enqueue(3, 4)
        self.assertEqual((self.ran(deferred).status, self.ran(due).return_value), (READY, 7))
        self.assertEqual(tasks.add.get_result(deferred.id).task.run_after, later)
        past = tasks.add.using(run_after=timezone.now() - timedelta(hours=1)).enqueue(5, 6)
        self.assertEqual(self.ran(past).return_value, 11)

    def test_a_coroutine_function_runs(self) -> None:
        """supports_async_task."""
        self.assertEqual(self.ran(tasks.aadd.enqueue(1, two=2)).return_value, 3)
        self.assertEqual(self.notes(), ["from a coroutine"])

    def test_urgent_tasks_run_first(self) -> None:
        """supports_priority: larger is more urgent, and a job of Packhorse with `high` is more so than 0."""
        for priority in (0, -100, 100, 3):
            tasks.note.using(priority=priority).enqueue(str(priority))
        packhorse_task(tasks.note).using(priority="high").enqueue("high")
        application().run_pending()
        self.assertEqual(self.notes(), ["100", "3", "high", "0", "-100"])
        for wrong in (101, -101, 0.5):
            with self.assertRaises(InvalidTask):
                tasks.add.using(priority=wrong)

    def test_a_result_is_found_by_its_id(self) -> None:
        """supports_get_result: with the options of its enqueue, also by coroutines."""
        given = tasks.note.using(priority=-3).enqueue(text="once")
        found = tasks.note.get_result(given.id)
        self.assertEqual((found.task.priority, found.task.queue_name, found.kwargs), (-3, "mail", {"text": "once"}))
        self.assertEqual((given.status, given.worker_ids, given.attempts), (READY, [], 0))
        self.assertEqual(asyncio.run(tasks.note.aget_result(given.id)), found)
        application().run_pending()
        asyncio.run(given.arefresh())
        self.assertEqual((given.status, given.return_value, given.attempts), (SUCCESSFUL, None, 1))


class Results(ProjectTest):
    """What a result tells."""

    def test_a_result_tells_when_and_where_it_ran(self) -> None:
        """Times in order, one worker for each attempt, and the value."""
        result = self.ran(tasks.add.enqueue(1, 2))
        times = [result.enqueued_at, result.started_at, result.last_attempted_at, result.finished_at]
        self.assertEqual(times, sorted(times))
        self.assertEqual([str(os.getpid()) in worker for worker in result.worker_ids], [True])
        self.assertEqual((result.return_value, result.args, result.backend, result.errors), (3, [1, 2], "default", []))

    def test_a_failed_task_keeps_its_error(self) -> None:
        """The class of the exception, and the traceback; what it wrote stays, as with Django's own backends."""
        result = self.ran(tasks.fail.enqueue("the tray is empty"))
        [error] = result.errors
        self.assertEqual((result.status, error.exception_class), (FAILED, tasks.OutOfPaperError))
        self.assertIn("raise OutOfPaperError(what)", error.traceback)
        self.assertEqual(self.notes(), ["the tray is empty"])
        with self.assertRaises(ValueError):
            _ = result.return_value

    def test_a_value_that_is_no_json_is_a_failure(self) -> None:
        """Of a builtin kind."""
        result = self.ran(tasks.unstorable.enqueue())
        self.assertEqual((result.status, result.errors[0].exception_class), (READY, TypeError))

    def test_a_task_is_tried_again(self) -> None:
        """The context counts the attempts, and has the errors of those before."""
        result = self.ran(tasks.second_time.enqueue("no paper"))
        self.assertEqual(result.return_value, [2, 1, ["no paper"]])
        self.assertEqual([error.exception_class for error in result.errors], [tasks.OutOfPaperError])
        self.assertEqual((result.attempts, len(result.worker_ids)), (2, 2))

    def test_a_cancelled_task_has_failed(self) -> None:
        """Django has no other word."""
        result = tasks.add.enqueue(1, 2)
        application().cancel(int(result.id))
        result.refresh()
        self.assertEqual((result.status, result.errors), (FAILED, []))

    def test_there_is_no_result_of_another_id(self) -> None:
        """Nor of another kind of job; one of another task does not match."""
        other = application().enqueue("some.other.job")
        for wrong in ("0", "-1", "no number", "9" * 30, str(other.id)):
            with self.assertRaises(exceptions.TaskResultDoesNotExist):
                tasks.add.get_result(wrong)
        with self.assertRaises(exceptions.TaskResultMismatch):
            tasks.add.get_result(tasks.note.enqueue("a").id)

    def test_signals_tell_of_every_step(self) -> None:
        """`task_finished` once, when the task is not tried again."""
        with (
            told(signals.task_enqueued) as enqueued,
            told(signals.task_started) as started,
            told(signals.task_finished) as finished,
        ):
            once = self.ran(tasks.second_time.enqueue("x"))
            never = self.ran(tasks.fail.enqueue("x"))
        name = "PackhorseBackend"
        self.assertEqual(enqueued, [(name, once.id, "READY", 0), (name, never.id, "READY", 0)])
        self.assertEqual(
            started, [(name, once.id, "RUNNING", 1), (name, once.id, "RUNNING", 2), (name, never.id, "RUNNING", 1)]
        )
        self.assertEqual(finished, [(name, once.id, "SUCCESSFUL", 2), (name, never.id, "FAILED", 1)])


class Transactions(ProjectTest):
    """The job belongs to the caller's transaction."""

    def test_a_rollback_leaves_no_task(self) -> None:
        """Nor does a savepoint's; inside the transaction its result is there."""
        with atomic():
            kept = tasks.note.enqueue("kept")
            with self.assertRaises(ZeroDivisionError), atomic():
                tasks.note.enqueue("undone")
                _ = 1 / 0
            self.assertEqual(tasks.note.get_result(kept.id).status, READY)
        application().run_pending()
        self.assertEqual(self.notes(), ["kept"])

    def test_it_is_stored_before_the_commit(self) -> None:
        """By an INSERT in the transaction, and not after it."""
        results: list[Any] = []
        with self.assertRaises(ZeroDivisionError), atomic():
            results.append(tasks.note.enqueue("undone"))
            _ = 1 / 0
        with self.assertRaises(exceptions.TaskResultDoesNotExist):
            tasks.note.get_result(results[0].id)

    def test_coroutines_enqueue(self) -> None:
        """By `aenqueue`."""
        result = asyncio.run(tasks.add.aenqueue(1, two=5))
        self.assertEqual(self.ran(result).return_value, 6)

    def test_a_task_has_no_transaction_unless_it_asks(self) -> None:
        """As with Django's own backends; with `atomic` what it writes goes with its success."""
        self.assertEqual(self.ran(tasks.is_atomic.enqueue()).return_value, False)
        self.assertEqual(self.ran(tasks.write_and_fail.enqueue()).status, FAILED)
        self.assertEqual(self.notes(), [])
        self.assertEqual(self.ran(tasks.aatomic.enqueue()).return_value, True)
        self.assertEqual(self.notes(), ["kept"])


class WithoutWorkers(ProjectTest):
    """With WORKER in PACKHORSE, for moving from ImmediateBackend."""

    def test_inline_a_task_runs_at_the_commit(self) -> None:
        """And the result of `enqueue` is that of the run, where there is no transaction."""
        with override_settings(PACKHORSE={"WORKER": "inline"}):
            self.assertEqual(tasks.add.enqueue(1, 2).return_value, 3)
            with atomic():
                result = tasks.add.enqueue(3, 4)
                self.assertEqual(result.status, READY)
            result.refresh()
            self.assertEqual(result.return_value, 7)

    def test_immediate_a_task_runs_at_the_enqueue(self) -> None:
        """Also in a transaction, as in Django's TestCase."""
        with override_settings(PACKHORSE={"WORKER": "immediate"}), atomic():
            self.assertEqual(tasks.add.enqueue(1, 2).return_value, 3)


class Declaring(ProjectTest):
    """What a task may be, and what Packhorse adds."""

    def test_wrong_tasks_are_refused_where_they_are_declared(self) -> None:
        """By Django's rules and ours."""
        with self.assertRaises(InvalidTask):
            api.task(lambda: None)
        with self.assertRaisesRegex(InvalidTask, "not valid for backend"):
            tasks.add.using(queue_name="other")
        with self.assertRaisesRegex(ConfigurationError, "max_atempts"):
            packhorse_options(max_atempts=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        with self.assertRaisesRegex(ConfigurationError, "below @task"):
            packhorse_options(max_attempts=1)(tasks.add)
        with self.assertRaisesRegex(ConfigurationError, "no Django task"):
            packhorse_task(self.ran)

    def test_arguments_that_are_no_json_are_refused(self) -> None:
        """With Django's own error; tuples become lists."""
        with self.assertRaises(TypeError):
            tasks.note.enqueue(datetime.now(UTC))
        self.assertEqual(tasks.second_time.enqueue((1, 2)).args, [[1, 2]])

    def test_outcomes_of_packhorse_work_in_a_task(self) -> None:
        """A skip is no failure: the task is ready again, and its run has left no error."""
        result = self.ran(tasks.skip.enqueue())
        self.assertEqual((result.status, result.errors, result.attempts), (READY, [], 1))

    def test_a_task_runs_by_a_schedule(self) -> None:
        """Its jobs are results as any other."""
        application().cron("0 9 * * mon-fri", name="weekdays", args=["by the clock"])(packhorse_task(tasks.note))
        application().schedules.sync()
        handle = application().schedules.run("weekdays")
        assert handle is not None
        self.assertEqual(self.ran(tasks.note.get_result(str(handle.id))).status, SUCCESSFUL)
        self.assertEqual(self.notes(), ["by the clock"])

    def test_checks_name_wrong_settings(self) -> None:
        """And say nothing of right ones."""
        call_command("check", stdout=StringIO())
        ours: dict[str, Any] = {"BACKEND": "packhorse.integrations.django.PackhorseBackend"}
        wrong = {**ours, "OPTIONS": {"max_attempts": 0}, "QUEUES": ["no name"]}
        with override_settings(TASKS={"default": wrong}):
            problems = [problem.msg for problem in api.task_backends["default"].check()]
        self.assertEqual(len(problems), 2)
        self.assertIn("TASKS['default']['OPTIONS']: max_attempts", problems[0])
        self.assertIn("TASKS['default']['QUEUES']: 'no name'", problems[1])

    def test_moments_are_naive_without_time_zones(self) -> None:
        """As all of Django's are where USE_TZ is off."""
        with override_settings(USE_TZ=False):
            later = datetime.now() + timedelta(hours=1)  # noqa: DTZ005 - as such a project writes it
            result = tasks.add.using(run_after=later).enqueue(1, 2)
            self.assertEqual(tasks.add.get_result(result.id).task.run_after, later)
            self.assertIsNone(tasks.add.get_result(result.id).enqueued_at.tzinfo)


class Workers(ProjectTest):
    """With workers in processes of their own."""

    def test_workers_run_tasks_and_run_them_again_when_they_are_killed(self) -> None:
        """Plain ones, coroutines, one in a child process, and one in the middle of which its worker is killed."""
        results = [tasks.add.enqueue(1, 2), tasks.aadd.enqueue(1, 2), tasks.isolated.enqueue()]
        with worker():
            wait_until(lambda: all(map(finished, results)), 60, "the ends of the first tasks")
            results.append(tasks.die_once.enqueue())
            wait_until(lambda: finished(results[-1]), 60, "the end of the task that kills")
        self.assertEqual([result.return_value for result in results], [3, 3, [1, "RUNNING"], 2])
        self.assertEqual([result.attempts for result in results], [1, 1, 1, 2])


def finished(result: Any) -> bool:
    """Whether the task has ended."""
    result.refresh()
    return bool(result.is_finished)

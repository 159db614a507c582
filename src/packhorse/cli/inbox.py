"""`packhorse inbox`: the failed jobs that wait for a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import filled, json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.operate import Order, carry_out, record_options
from packhorse.cli.output import ago, moment, print_fields, print_json, print_table
from packhorse.cli.selecting import asking_options, inbox_filter_options, user_name
from packhorse.cli.target import Target
from packhorse.cli.values import ID, Integer

if TYPE_CHECKING:
    from packhorse.inbox import InboxGroup, InboxItem

GROUP_HEADERS = ("COUNT", "TASK", "NEWEST", "LAST ID", "TAKEN", "ERROR")
ITEM_HEADERS = ("ID", "TASK", "FAILED", "RESPONSIBLE", "TAKEN BY", "ERROR")
DISMISSED_HEADERS = ("ID", "TASK", "DISMISSED", "BY", "WHY", "ERROR")


@click.group(cls=LazyGroup)
def inbox() -> None:
    """Work through the failed jobs that wait for a person.

        packhorse inbox list                   what has failed, equal failures in one line
        packhorse inbox show 42                one failure with the history of its attempts
        packhorse inbox solve 42               it has been put right: run the job again
        packhorse inbox dismiss 42 --why TEXT  nobody need look at it any more

    Next: `packhorse inbox list --help` has the filters, which `solve` and `dismiss` take, too.
    """


@inbox.command("list")
@inbox_filter_options
@click.option("--each", is_flag=True, help="A line for each job, not for each group of equal failures.")
@click.option("--dismissed", is_flag=True, help="The ones that were dismissed, each.")
@click.option("--before", "before_id", type=ID, help="With --each: only ids below this, the next page.")
@click.option("--limit", type=Integer(1, 10_000), default=50, help="At most this many.")
@json_option
@target_options
def list_(
    target: Target, filters: Mapping[str, Any], *, each: bool, dismissed: bool, before_id: int | None, **rest: Any
) -> None:
    """List what has failed: equal failures of a task in one line, the most frequent first.

        packhorse inbox list
        packhorse inbox list --task 'shop.billing.*' --each
        packhorse inbox list --error-type UserError --responsible kim --json

    Equal are those with the same error, message and description.

    Next: `packhorse inbox show ID`.
    """
    limit, as_json = rest["limit"], rest["as_json"]
    desk = target.existing.inbox
    if each or dismissed or before_id is not None:
        items = desk.list(dismissed=dismissed, before_id=before_id, limit=limit, **filters)
        _print_items(items, as_json=as_json, dismissed=dismissed)
    else:
        _print_groups(desk.groups(limit=limit, **filters), as_json=as_json)


@inbox.command()
@click.argument("id", type=ID)
@json_option
@target_options
def show(target: Target, id: int, *, as_json: bool) -> None:
    """Show a failure with the history of its attempts.

        packhorse inbox show 42

    What was said about it, who is responsible, who looks into it, of a work package which records are not done and why,
    and each attempt with its traceback.

    Next: `packhorse inbox solve ID` when it has been put right, or `packhorse inbox dismiss ID --why TEXT`.
    """
    from packhorse.cli.packages import find_package, package_document, package_texts
    from packhorse.cli.records import attempt_document, print_job

    app = target.existing
    item, attempts, package = app.inbox.get(id), app.list_attempts(id), find_package(app, id)
    if as_json:
        print_json(
            _item_document(item)
            | package_document(package)
            | {"attempts": [attempt_document(attempt) for attempt in attempts]}
        )
        return
    print_fields(
        {
            "inbox": item.state,
            "taken by": _signed(item.taken_by, moment(item.taken_at)),
            "dismissed by": _signed(item.dismissed_by, moment(item.dismissed_at)),
            "why": item.dismissal,
        }
    )
    print_job(app.get_job(id), attempts, package_texts(package))


@inbox.command()
@click.argument("ids", type=ID, nargs=-1)
@inbox_filter_options
@asking_options
@record_options
@json_option
@target_options
def solve(target: Target, ids: Sequence[int], filters: Mapping[str, Any], by: str | None, **rest: Any) -> int:
    """Run failed jobs again, because what was wrong has been put right.

        packhorse inbox solve 42
        packhorse inbox solve --task shop.billing.send --message 'no address*'

    All their attempts are before them again. By filter it counts and asks first. Next: `packhorse jobs show ID`.
    """
    return carry_out(target, ids, filters, Order(verb="solve", by=by or user_name(), **rest))


@inbox.command()
@click.argument("ids", type=ID, nargs=-1)
@inbox_filter_options
@asking_options
@click.option("--why", metavar="TEXT", required=True, callback=filled, help="The reason, for the record.")
@click.option("--by", metavar="NAME", help="Who says so, for the record; by default this system's user.")
@json_option
@target_options
def dismiss(target: Target, ids: Sequence[int], filters: Mapping[str, Any], by: str | None, **rest: Any) -> int:
    """Take failures out of the inbox for good: nobody need look at them any more.

        packhorse inbox dismiss 42 --why "the customer has left"
        packhorse inbox dismiss --task 'shop.reports.*' --older-than 30d --why "out of date"

    The jobs stay failed, are listed with `inbox list --dismissed`, and are pruned some time later.

    Next: `packhorse jobs retry ID` takes it back.
    """
    return carry_out(target, ids, filters, Order(verb="dismiss", by=by or user_name(), **rest))


@inbox.command()
@click.argument("ids", type=ID, nargs=-1)
@inbox_filter_options
@asking_options
@click.option("--by", metavar="NAME", help="Who looks into it; by default this system's user.")
@json_option
@target_options
def take(target: Target, ids: Sequence[int], filters: Mapping[str, Any], by: str | None, **rest: Any) -> int:
    """Say that somebody looks into failures, so that no two people do.

        packhorse inbox take 42
        packhorse inbox take --task 'shop.billing.*' --by kim

    Whoever took them before is replaced. Next: `packhorse inbox solve ID`.
    """
    return carry_out(target, ids, filters, Order(verb="take", by=by or user_name(), **rest))


def _print_groups(groups: Sequence[InboxGroup], *, as_json: bool) -> None:
    if as_json:
        print_json([dataclasses.asdict(group) for group in groups])
    elif groups:
        rows = [
            (group.count, group.task, ago(group.newest_at), str(group.highest_id), group.taken or "", _error(group))
            for group in groups
        ]
        print_table(GROUP_HEADERS, rows, numbers="COUNT")
    else:
        click.echo("the inbox is empty")


def _print_items(items: Sequence[InboxItem], *, as_json: bool, dismissed: bool) -> None:
    if as_json:
        print_json([_item_document(item) for item in items])
    elif not items:
        click.echo("nothing was dismissed" if dismissed else "the inbox is empty")
    elif dismissed:
        print_table(DISMISSED_HEADERS, [_dismissed_row(item) for item in items], numbers="ID")
    else:
        print_table(ITEM_HEADERS, [_row(item) for item in items], numbers="ID")


def _row(item: InboxItem) -> tuple[object, ...]:
    return (str(item.id), item.task, ago(item.failed_at), item.responsible, item.taken_by, _error(item))


def _dismissed_row(item: InboxItem) -> tuple[object, ...]:
    why = item.dismissal or ""
    return (str(item.id), item.task, ago(item.dismissed_at), item.dismissed_by, why, _error(item))


def _error(item: InboxItem | InboxGroup) -> str:
    error = None if item.error_type is None else f"{item.error_type}: {item.error_message}"
    return "; ".join(dict.fromkeys(text for text in (error, item.reason) if text))


def _signed(by: str | None, at: str | None) -> str | None:
    return None if by is None else f"{by}, {at}"


def _item_document(item: InboxItem) -> dict[str, Any]:
    from packhorse.cli.records import decoded

    document = dataclasses.asdict(item) | {"state": item.state}
    for name in ("args", "kwargs"):
        document[name] = decoded(document[name])
    return document

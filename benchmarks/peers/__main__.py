"""The protocol of peers: `python -m benchmarks.peers NAME describe|install|enqueue|bulk|trickle|flow|work`.

What is timed first says `ready`, then waits for a line, so that connecting is not timed; it answers with one line of
JSON. `enqueue` and `bulk` answer when they began and ended, `trickle` when each job was committed, all by the monotonic
clock that the processes of a machine share.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.peers.peer import Peer, Producer
from benchmarks.peers.roster import peer_named


def main() -> None:
    """Do what the words say."""
    options = _parsed()
    peer = peer_named(options.name)
    actions: dict[str, Callable[[], None]] = {
        "describe": lambda: _answer(versions=_versions(peer)),
        "install": lambda: peer.install(options.url),
        "enqueue": lambda: _enqueue(peer, options),
        "bulk": lambda: _bulk(peer, options),
        "trickle": lambda: _trickle(peer, options),
        "flow": lambda: _flow(peer, options),
        "work": lambda: peer.work(options.url, options.processes),
    }
    actions[options.action]()


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("name")
    parser.add_argument("action", choices=["describe", "install", "enqueue", "bulk", "trickle", "flow", "work"])
    parser.add_argument("--url", default="")
    parser.add_argument("--first", type=int, default=0, help="the number of the first job")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=20.0, help="jobs a second, for trickle and flow")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, for flow")
    parser.add_argument("--processes", type=int, default=1)
    return parser.parse_args()


def _enqueue(peer: Peer, options: argparse.Namespace) -> None:
    numbers = range(options.first, options.first + options.jobs)
    _time(peer.producer(options.url), lambda producer: producer.enqueue(numbers, lambda n: None))


def _bulk(peer: Peer, options: argparse.Namespace) -> None:
    numbers = range(options.first, options.first + options.jobs)
    _time(peer.producer(options.url), lambda producer: producer.bulk(numbers))


def _time(producer: Producer, action: Callable[[Producer], None]) -> None:
    _wait()
    started, cpu = time.monotonic_ns(), time.process_time()
    action(producer)
    _answer(started=started, ended=time.monotonic_ns(), cpu_s=time.process_time() - cpu)
    producer.close()


def _trickle(peer: Peer, options: argparse.Namespace) -> None:
    producer = peer.producer(options.url)
    sent = [0] * options.jobs

    def note(n: int) -> None:
        sent[n] = time.monotonic_ns()

    _wait()
    producer.enqueue(_paced(options.jobs, 1 / options.rate), note)
    _answer(sent=sent)
    producer.close()


def _flow(peer: Peer, options: argparse.Namespace) -> None:
    producer = peer.producer(options.url)
    _wait()
    _answer(jobs=producer.flow(options.rate, options.seconds))
    producer.close()


def _paced(count: int, seconds: float) -> Iterator[int]:
    for n in range(count):
        time.sleep(seconds)
        yield n


def _wait() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _answer(**values: object) -> None:
    print(json.dumps(values), flush=True)


def _versions(peer: Peer) -> dict[str, str]:
    names = [re.split(r"[\[=<>~ ]", requirement)[0] for requirement in peer.requirements] or ["packhorse", "psycopg"]
    return {name: importlib.metadata.version(name) for name in names}


if __name__ == "__main__":
    main()

"""What Packhorse promises, one ID per behaviour; a test that shows one is marked `@pytest.mark.accepts("C5")`."""

from dataclasses import dataclass

DATABASES = ("sqlite", "postgresql")
TRANSPORTS = ("sqlite", "postgresql", "beanstalkd")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One promised behaviour.

    Attributes:
        id: its short name, stable for ever.
        title: the behaviour in a few words.
        backends: the engines or transports on which it must be shown.
    """

    id: str
    title: str
    backends: tuple[str, ...] = DATABASES


SECTIONS: dict[str, tuple[Criterion, ...]] = {
    "Core": (
        Criterion("C1", "Enqueue on any connection the application has, inside its open transaction"),
        Criterion("C2", "A job exists exactly when its producer's transaction commits"),
        Criterion("C3", "Jobs start by priority, then by the moment they are wanted, then by id"),
        Criterion("C4", "A worker wakes promptly and idles at almost no cost"),
        Criterion("C5", "An acknowledgement with a lost lease changes nothing"),
        Criterion("C6", "Jobs of a killed worker run again; a job that kills workers fails alone"),
        Criterion("C7", "Atomic tasks: effect and acknowledgement commit together, exactly once"),
        Criterion("C8", "Succeed, retry, skip, fail and cancel are decided in one pure place"),
        Criterion("C9", "A graceful stop finishes what runs and gives back what has not started"),
        Criterion("C10", "Workers survive restarts, terminated backends and cut connections"),
        Criterion("C11", "Everything works through a transaction-pooling PgBouncer", ("postgresql",)),
        Criterion("C12", "Arguments arrive unchanged or are refused when enqueued"),
        Criterion("C13", "Jobs of unknown tasks are parked and wait for a worker that knows them"),
        Criterion("C14", "Unique keys hold under concurrent producers"),
        Criterion("C15", "Jobs of one serial key run one after another, in order"),
        Criterion("C16", "Concurrency and rate limits are exact across workers"),
        Criterion("C17", "Pause, resume, cancel, retry, delete and explain, at run time"),
        Criterion("C18", "Cron runs each tick once, right across time zones and DST"),
        Criterion("C19", "Handlers on threads, on an event loop and in child processes, in any mix"),
        Criterion("C20", "Time limits end attempts without interrupting a commit"),
        Criterion("C21", "Finished jobs are kept as configured and pruned in chunks"),
        Criterion("C22", "Numbered migrations, safe to run twice and under running workers"),
        Criterion("C23", "The type checkers reject a call that does not fit the task"),
        Criterion("C24", "Without a worker, jobs run inline after the commit with the same rules"),
        Criterion("C25", "A testing kit with drain, assertions and a clock to move"),
        Criterion("C26", "The worker's buffer is bounded in time, so a kill repeats little"),
        Criterion("C27", "Results can be awaited from any process"),
        Criterion("C28", "Plain SQL can enqueue, from triggers and other languages too"),
        Criterion("C29", "Middleware wraps enqueue and run, in order and without losing jobs"),
    ),
    "Work packages": (
        Criterion("M1", "A package is claimable after its commit and is enqueued once"),
        Criterion("M2", "A rollback leaves no trace of the package, its locks or its batch"),
        Criterion("M3", "In autocommit a package is claimable at once"),
        Criterion("M4", "A collector gathers a transaction's items into one package"),
        Criterion("M5", "Elements are an ordered set, loaded strictly or leniently"),
        Criterion("M6", "Elements already in an older open package can be filtered out"),
        Criterion("M7", "Typed parameters survive unchanged or are refused by name"),
        Criterion("M8", "Packages run by priority; a queue may serve a range of priorities"),
        Criterion("M9", "Priority falls with the number of packages enqueued in a row"),
        Criterion("M10", "Children inherit their parent's priority unless they opt out"),
        Criterion("M11", "Handlers see tenant, organisation, user, role and origin"),
        Criterion("M12", "Queues and handlers are assigned freely, with pool sizes that hold"),
        Criterion("M13", "Packages of a handler that can't be loaded wait untouched"),
        Criterion("M14", "Handlers run in a transaction of their own by default"),
        Criterion("M15", "A failed package records its error and notifies who is responsible, once"),
        Criterion("M16", "A person can retry failed packages, one or many"),
        Criterion("M17", "A skip postpones with reason and count and is no error"),
        Criterion("M18", "Deadlocks and unavailable services become skips by themselves"),
        Criterion("M19", "Element locks pass from the caller to the package and are always freed"),
        Criterion("M20", "A latch lets a bounded number of packages of one key run"),
        Criterion("M21", "A package's future resolves once, across processes"),
        Criterion("M22", "Outcomes are reported by correlation id and can be waited for"),
        Criterion("M23", "Batch counters are right under concurrent producers"),
        Criterion("M24", "Code can run a batch and wait until all of it is final"),
        Criterion("M25", "A batch notifies on completion without a polling checker"),
        Criterion("M26", "The task log survives the handler's rollback"),
        Criterion("M27", "Statistics per queue and handler"),
        Criterion("M28", "Housekeeping reports and archives packages in chunks"),
        Criterion("M29", "A SQL task repeats its statement until nothing is left"),
        Criterion("M30", "Worker life cycle: delay, disable, stop, and errors that stay alone"),
        Criterion("M31", "A killed worker's package is claimable within 30 seconds"),
        Criterion("M32", "Many small packages drain fast, and idling is cheap"),
        Criterion("M33", "Packages of one key coalesce while they wait"),
    ),
    "Deferred model calls": (
        Criterion("T1", "A model's method is called later through its queue proxy"),
        Criterion("T2", "Deferred calls commit and roll back with the transaction"),
        Criterion("T3", "Context options choose queue and times and are restored for the run"),
        Criterion("T4", "A call that is due later is not taken earlier and starts on time"),
        Criterion("T5", "Calls run by the moment they are expected; nothing starves"),
        Criterion("T6", "Instances are sliced into batches in order"),
        Criterion("T7", "Named workers serve their queue; several databases are served in turn"),
        Criterion("T8", "Concurrent workers take each call exactly once"),
        Criterion("T9", "Notifications start a call at once, polling without them", ("postgresql",)),
        Criterion("T10", "Effects and the finished mark commit together"),
        Criterion("T11", "Vanished records are dropped, and a call without records ends"),
        Criterion("T12", "The method runs as the user and in the context that enqueued it"),
        Criterion("T13", "Operational errors are retried in place, then later"),
        Criterion("T14", "Code that needs a lock restarts with it, at no attempt"),
        Criterion("T15", "User errors are recorded once and solved by a person"),
        Criterion("T16", "Unexpected exceptions end the call with a stored trace"),
        Criterion("T17", "Calls orphaned by a crash are swept up, running ones are not"),
        Criterion("T18", "Without a worker, calls run after the commit in order"),
        Criterion("T19", "Worker processes are recycled and stop gracefully"),
        Criterion("T20", "Old calls are pruned; calls can be searched and routed"),
    ),
    "Queue tables": (
        Criterion("O1", "Declaring columns creates a typed, insert-and-delete-only table"),
        Criterion("O2", "A plain INSERT enqueues and rolls back with its transaction"),
        Criterion("O3", "A processor gets the row, the transaction, a log and a file store"),
        Criterion("O4", "Taking a row, working on it and removing it are one transaction"),
        Criterion("O5", "An exception puts the row back with its id"),
        Criterion("O6", "A killed process gives its rows back and leaves no effects"),
        Criterion("O7", "Batch size and parallelism bound a run"),
        Criterion("O8", "Automatic tuning follows the backlog within its bounds"),
        Criterion("O9", "Jobs run by weekday, interval or cron, as processor, procedure or code"),
        Criterion("O10", "A job's record tells its last run; runs never overlap"),
        Criterion("O11", "Errors are logged with their row though the work rolled back"),
        Criterion("O12", "Only registered processors can be chosen; re-registering takes effect"),
        Criterion("O13", "Many servers share one table and each row counts once"),
        Criterion("O14", "Poison rows are counted and quarantined while others proceed"),
    ),
    "Messages": (
        Criterion("P1", "Every transport passes one conformance suite", TRANSPORTS),
        Criterion("P2", "First in, first out; peeking changes nothing", TRANSPORTS),
        Criterion("P3", "A blocking wait ends on time and wakes promptly", TRANSPORTS),
        Criterion("P4", "A delayed message arrives when due and not before", TRANSPORTS),
        Criterion("P5", "Finishing removes a reservation of one's own only", TRANSPORTS),
        Criterion("P6", "A released message is ready again and counts its releases", TRANSPORTS),
        Criterion("P7", "An aborted message is kept aside and can be retried", TRANSPORTS),
        Criterion("P8", "Taking removes at once", TRANSPORTS),
        Criterion("P9", "The release limit ends in failure with a clear text", TRANSPORTS),
        Criterion("P10", "A message that is no job of ours fails alone", TRANSPORTS),
        Criterion("P11", "Signals tell of each step once", TRANSPORTS),
        Criterion("P12", "A job may run isolated, and its crash follows the policy", TRANSPORTS),
        Criterion("P13", "The message worker's limits, options and exit codes", TRANSPORTS),
        Criterion("P14", "A decorator turns a call into a message", TRANSPORTS),
        Criterion("P15", "Presets merge deeply, and mistakes are named", TRANSPORTS),
        Criterion("P16", "Queues are listed, set up and flushed by command", TRANSPORTS),
        Criterion("P17", "Beanstalkd's own semantics are kept", ("beanstalkd",)),
        Criterion("P18", "A published message reaches every listener and is kept until it did", TRANSPORTS),
        Criterion("P19", "Unknown messages are quarantined and the worker goes on", TRANSPORTS),
        Criterion("P20", "The database as transport polls adaptively and reconnects"),
        Criterion("P21", "Unique ids, groups, backoff, heartbeats and draining"),
        Criterion("P22", "A crashed consumer's message comes back; only failed listeners repeat"),
    ),
    "Seeing it": (
        Criterion("W1", "Every page works in a real browser by keyboard and mouse"),
        Criterion("W2", "Figures are live and survive a lost stream or database"),
        Criterion("W3", "Operations, one or many, are confirmed and recorded"),
        Criterion("W4", "Closed by default: roles, CSRF, CSP, no secrets"),
        Criterion("W5", "Hostile text stays inert on every page"),
        Criterion("W6", "Pages stay fast with millions of jobs"),
        Criterion("W7", "Metrics parse, agree and stay bounded"),
        Criterion("W8", "One trace from the request to the last retry"),
        Criterion("W9", "Logs and the terminal carry the same facts"),
        Criterion("W10", "The dashboard mounts inside other applications"),
    ),
}

CRITERIA: dict[str, Criterion] = {one.id: one for section in SECTIONS.values() for one in section}

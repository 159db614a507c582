"""Every engine keeps the contract of `packhorse.engine`: the suites that are shipped for the authors of engines."""

from collections.abc import Callable

import pytest

from packhorse.testing.contract import (
    engine_ack,
    engine_atomic,
    engine_batch_notices,
    engine_batch_retention,
    engine_batches,
    engine_cancel,
    engine_cancellations,
    engine_claim,
    engine_collecting,
    engine_explaining,
    engine_fence,
    engine_files,
    engine_followers,
    engine_groups,
    engine_inbox,
    engine_insert,
    engine_insights,
    engine_joblog,
    engine_leadership,
    engine_liveness,
    engine_many_batches,
    engine_merging,
    engine_operations,
    engine_packages,
    engine_park,
    engine_permits,
    engine_processes,
    engine_queues,
    engine_race,
    engine_record_locks,
    engine_retention,
    engine_rows,
    engine_schedules,
    engine_schema,
    engine_stage,
    engine_stale,
    engine_statistics,
    engine_turn_races,
    engine_turns,
    engine_unique,
)
from packhorse.testing.contract.subject import Subject


class TestInsert(engine_insert.InsertContract):
    """Jobs come."""


class TestInsertMany(engine_insert.InsertManyContract):
    """Many jobs come."""


class TestInsertStatement(engine_insert.InsertStatementContract):
    """Jobs come over the producer's own connection."""


class TestClaim(engine_claim.ClaimContract):
    """Jobs are claimed."""


class TestRaces(engine_race.RaceContract):
    """Many claim at once."""


class TestAck(engine_ack.AckContract):
    """Runs are acknowledged."""


class TestFence(engine_fence.FenceContract):
    """Late acknowledgements are refused."""


class TestAtomic(engine_atomic.AtomicContract):
    """The acknowledgement commits with the handler's writes."""


class TestStage(engine_stage.StageContract):
    """Jobs become due."""


class TestPark(engine_park.ParkContract):
    """Jobs wait for a worker that knows their task."""


class TestQueueSettings(engine_queues.QueueSettingsContract):
    """Queues have records."""


class TestPause(engine_queues.PauseContract):
    """A queue is paused."""


class TestClaimOrder(engine_queues.ClaimOrderContract):
    """A queue's settings rule what is claimed."""


class TestRoutes(engine_queues.RouteContract):
    """Rules lead jobs into queues."""

    @pytest.fixture
    def new_subject(self, new_empty_subject: Callable[[], Subject]) -> Callable[[], Subject]:
        """Databases without a schema: one test is about that."""
        return new_empty_subject


class TestLoadFailures(engine_queues.LoadFailureContract):
    """Some code can't be loaded."""


class TestCancel(engine_cancel.CancelContract):
    """Jobs are withdrawn."""


class TestRetry(engine_cancel.RetryContract):
    """Jobs are brought back."""


class TestSelect(engine_operations.SelectContract):
    """Jobs are selected."""


class TestHold(engine_operations.HoldContract):
    """Jobs are held and released."""


class TestKeyedRetry(engine_operations.KeyedRetryContract):
    """Jobs with keys are brought back."""


class TestDelete(engine_operations.DeleteContract):
    """Jobs are deleted."""


class TestInbox(engine_inbox.InboxContract):
    """Failures wait for a person."""


class TestNotice(engine_inbox.NoticeContract):
    """The responsible person of a failure is told."""


class TestOperationsRace(engine_operations.OperationsRaceContract):
    """Operators and workers at once."""


class TestLiveness(engine_liveness.LivenessContract):
    """Workers live and are lost."""


class TestProcesses(engine_processes.ProcessContract):
    """Workers are killed and stopped."""


class TestLeadership(engine_leadership.LeadershipContract):
    """One worker leads."""


class TestGlance(engine_insights.GlanceContract):
    """What a worker sees before it claims."""


class TestInsights(engine_insights.InsightsContract):
    """What people see."""


class TestCancellations(engine_cancellations.CancellationContract):
    """Running jobs are asked to stop."""


class TestPackages(engine_packages.PackageContract):
    """Work packages."""


class TestRows(engine_rows.RowsContract):
    """Queue tables."""


class TestFiles(engine_files.FilesContract):
    """Files appear with commits."""


class TestRecordLocks(engine_record_locks.RecordLockContract):
    """Packages lock records."""


class TestMerge(engine_merging.MergeContract):
    """Packages are merged."""


class TestCollecting(engine_collecting.CollectingContract):
    """Transactions gather packages."""


class TestJobLog(engine_joblog.JobLogContract):
    """What jobs say of themselves."""


class TestScheduleRecords(engine_schedules.ScheduleRecordContract):
    """Schedules are stored."""


class TestTicks(engine_schedules.TickContract):
    """Ticks start runs."""


class TestDueSchedules(engine_schedules.DueContract):
    """Schedules come due."""


class TestScheduleRuns(engine_schedules.RunContract):
    """Runs are watched."""


class TestDeclarations(engine_schedules.DeclarationContract):
    """Schedules come from the code of workers."""


class TestUnique(engine_unique.UniqueContract):
    """Jobs with a unique key."""


class TestUniqueRace(engine_unique.UniqueRaceContract):
    """Many producers of the same keys."""


class TestSerial(engine_turns.SerialContract):
    """Jobs with a serial key."""


class TestGroup(engine_groups.GroupContract):
    """Jobs of a group."""


class TestBothKeys(engine_groups.BothKeysContract):
    """Jobs with a serial key and a group."""


class TestTurnRace(engine_turn_races.TurnRaceContract):
    """Everybody at the same keys at once."""


class TestFollowers(engine_followers.FollowerContract):
    """Jobs that wait for others."""


class TestBatches(engine_batches.BatchContract):
    """Jobs that belong together."""


class TestBatchNotices(engine_batch_notices.BatchNoticesContract):
    """Batches tell of their jobs."""


class TestBatchRetention(engine_batch_retention.BatchRetentionContract):
    """Batches are forgotten with their jobs."""


class TestStale(engine_stale.StaleContract):
    """What does not get on by itself."""


class TestStatistics(engine_statistics.StatisticsContract):
    """Figures by hour, queue and task."""


class TestManyBatches(engine_many_batches.ManyBatchesContract):
    """Batches in numbers."""


class TestExplain(engine_explaining.ExplainContract):
    """Why a job does not run."""


class TestExplainLimits(engine_explaining.ExplainLimitsContract):
    """Why a job of a limited queue does not run."""


class TestExplainKeys(engine_explaining.ExplainKeysContract):
    """Why a job with keys does not run."""


class TestCounts(engine_retention.CountsContract):
    """Finished jobs are counted."""


class TestRetention(engine_retention.RetentionContract):
    """Finished jobs go."""


class TestSchema(engine_schema.SchemaContract):
    """The schema and the installation."""

    @pytest.fixture
    def new_subject(self, new_empty_subject: Callable[[], Subject]) -> Callable[[], Subject]:
        """Databases without a schema."""
        return new_empty_subject


class TestPermits(engine_permits.PermitContract):
    """Limits that hold in all workers together."""


class TestFollowerRaces(engine_turn_races.FollowerRaceContract):
    """Followers come while what they wait for ends."""

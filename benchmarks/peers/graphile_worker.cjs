// graphile-worker; `graphile_worker.py` says which settings and why.
"use strict";

const { main, payload } = require("./protocol.cjs");
const { makeWorkerUtils, run, Logger } = require("graphile-worker");

const BULK = 10_000;
const logger = new Logger(() => () => undefined);

main({
  packages: ["graphile-worker", "pg"],
  async install(url) {
    const utils = await makeWorkerUtils({ connectionString: url, logger });
    await utils.migrate();
    await utils.release();
  },
  async open(url) {
    const utils = await makeWorkerUtils({ connectionString: url, logger });
    await utils.withPgClient((client) => client.query("select 1"));
    return {
      enqueue: (n) => utils.addJob("nothing", payload(n)),
      async bulk(first, count) {
        for (let start = first; start < first + count; start += BULK) {
          const size = Math.min(BULK, first + count - start);
          const jobs = Array.from({ length: size }, (_, i) => ({ identifier: "nothing", payload: payload(start + i) }));
          await utils.addJobs(jobs);
        }
      },
      close: () => utils.release(),
    };
  },
  async work(url, handle) {
    const runner = await run({
      connectionString: url,
      logger,
      noHandleSignals: true,
      taskList: { nothing: (job) => handle(job.n) },
      preset: {
        worker: {
          connectionString: url,
          concurrentJobs: 24,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
    });
    return () => runner.stop();
  },
});

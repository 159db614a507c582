// pg-boss; `pg_boss.py` says which settings and why.
"use strict";

const { main, payload } = require("./protocol.cjs");
const PgBoss = require("pg-boss");

const BULK = 10_000;
const LOOPS = 4;
const QUEUE = "nothing";

async function open(url) {
  const boss = new PgBoss(url);
  boss.on("error", () => undefined);
  await boss.start();
  return boss;
}

main({
  packages: ["pg-boss"],
  async install(url) {
    const boss = await open(url);
    await boss.createQueue(QUEUE);
    await boss.stop({ graceful: false });
  },
  async open(url) {
    const boss = await open(url);
    return {
      enqueue: (n) => boss.send(QUEUE, payload(n)),
      async bulk(first, count) {
        for (let start = first; start < first + count; start += BULK) {
          const size = Math.min(BULK, first + count - start);
          await boss.insert(Array.from({ length: size }, (_, i) => ({ name: QUEUE, data: payload(start + i) })));
        }
      },
      close: () => boss.stop({ graceful: false }),
    };
  },
  async work(url, handle) {
    const boss = await open(url);
    for (let loop = 0; loop < LOOPS; loop++) {
      await boss.work(QUEUE, { batchSize: 1000, pollingIntervalSeconds: 0.5 }, async (jobs) => {
        for (const job of jobs) handle(job.data.n);
      });
    }
    return () => boss.stop({ graceful: false });
  },
});

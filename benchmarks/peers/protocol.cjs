// The protocol of peers on Node.js; `__main__.py` and `handling.py` say what it means.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const NOTE = "x".repeat(64);
const SLOT = 8; // bytes of one number
const COUNT_INTERVAL = 5; // milliseconds between two writes of the count

const payload = (n) => ({ n, note: NOTE });
const now = () => process.hrtime.bigint();
const answer = (values) => process.stdout.write(`${JSON.stringify(values)}\n`);

function options() {
  const found = { jobs: 1000, first: 0, rate: 20, processes: 1 };
  for (const word of process.argv.slice(3)) {
    const [name, value] = word.replace(/^--/, "").split(/=(.*)/s);
    found[name] = name === "url" ? value : Number(value);
  }
  return found;
}

async function ready() {
  process.stdout.write("ready\n");
  const lines = readline.createInterface({ input: process.stdin });
  await new Promise((resolve) => lines.once("line", resolve));
  lines.close();
}

// Counts jobs in a file of this process, and tells when each started if that is asked for.
function handler() {
  const counts = fs.openSync(path.join(process.env.BENCH_COUNTS, String(process.pid)), "w");
  const starts = process.env.BENCH_STARTS ? fs.openSync(process.env.BENCH_STARTS, "r+") : null;
  const number = Buffer.alloc(SLOT);
  let count = 0n;
  let written = 0n;
  const write = (file, value, position) => {
    number.writeBigUInt64LE(value);
    fs.writeSync(file, number, 0, SLOT, position);
  };
  setInterval(() => {
    if (count !== written) write(counts, (written = count), 0);
  }, COUNT_INTERVAL);
  return (n) => {
    count += 1n;
    if (starts !== null) write(starts, now(), n * SLOT);
  };
}

async function timed(action) {
  await ready();
  const started = now();
  const cpu = process.cpuUsage();
  await action();
  const used = process.cpuUsage(cpu);
  const ended = now();
  // Nanoseconds as bare numbers: Python reads integers of any size, and JSON.stringify takes no BigInt.
  process.stdout.write(`{"started":${started},"ended":${ended},"cpu_s":${(used.user + used.system) / 1e6}}\n`);
}

async function trickle(count, rate, send) {
  await ready();
  const sent = [];
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setTimeout(resolve, 1000 / rate));
    await send(n);
    sent.push(now());
  }
  process.stdout.write(`{"sent":[${sent.join(",")}]}\n`);
}

// peer: { packages, install(url), open(url) -> { enqueue(n), bulk(first, count), close() }, work(url, handle) -> stop() }
async function main(peer) {
  const action = process.argv[2];
  const given = options();
  if (action === "describe") {
    const version = (name) => require(require.resolve(`${name}/package.json`)).version;
    answer({ versions: { node: process.versions.node, ...Object.fromEntries(peer.packages.map((n) => [n, version(n)])) } });
  } else if (action === "install") {
    await peer.install(given.url);
  } else if (action === "work") {
    const stop = await peer.work(given.url, handler());
    process.once("SIGTERM", () => Promise.resolve(stop()).finally(() => process.exit(0)));
    return;
  } else {
    const producer = await peer.open(given.url);
    if (action === "bulk") await timed(() => producer.bulk(given.first, given.jobs));
    if (action === "trickle") await trickle(given.jobs, given.rate, producer.enqueue);
    if (action === "enqueue")
      await timed(async () => {
        for (let n = given.first; n < given.first + given.jobs; n++) await producer.enqueue(n);
      });
    await producer.close();
  }
  process.exit(0);
}

module.exports = { main, payload };

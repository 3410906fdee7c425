// worker.mjs - graphile-worker: a plain job queue in the same PostgreSQL (see common.mjs).
//
// It has no workflows: a job is one durable effect, and a workflow of ten is a chain, each job adding
// the next one.
import { run as runWorker, makeWorkerUtils, Logger } from "graphile-worker";
import pg from "pg";
import { databaseUrl, measureLatency, measureRates, pause, say } from "./common.mjs";

const [verb, count, at] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
pool.on("error", () => {});
pool.on("connect", (client) => client.on("error", () => {}));
const waiting = new Map();
let nextChain = 0;

// A job goes on with the next one, and the last one tells who waits for the chain. The times of a
// chain are taken where its jobs begin.
async function chain(payload, helpers) {
  const entry = waiting.get(payload.chain);
  entry?.times.push(performance.now());
  if (payload.left > 1) await helpers.addJob("chain", { ...payload, left: payload.left - 1 });
  else if (entry) entry.last = helpers.job.id;
}

async function sleeper() {}

// Throughput wants jobs fetched and completed in batches; latency wants neither.
const plain = { pgPool: pool, concurrentJobs: 24, pollInterval: 500 };
const batched = {
  ...plain,
  concurrentJobs: 50,
  localQueue: {
    size: 500, refetchDelay: { durationMs: 5, threshold: 50, maxAbortThreshold: 100 },
  },
  completeJobBatchDelay: 0,
};
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ pgPool: pool, logger });
await utils.migrate();
if (verb === "sleep") {
  const job = { identifier: "sleeper", payload: {}, runAt: new Date(Number(at)) };
  for (let left = Number(count); left > 0; left -= 500)
    await utils.addJobs(Array.from({ length: Math.min(left, 500) }, () => job));
  say("asleep", 1);
  await pause(3600e3);
}

async function startWorker(worker) {
  const runner = await runWorker({
    preset: { worker }, logger, pgPool: pool, taskList: { chain, sleeper }, noHandleSignals: true,
  });
  runner.events.on("job:complete", ({ job }) => {
    const entry = waiting.get(job.payload.chain);
    if (entry?.last !== job.id) return;
    waiting.delete(job.payload.chain);
    entry.resolve(entry.times);
  });
  return runner;
}

function run(effects) {
  return new Promise((resolve) => {
    const name = nextChain++;
    waiting.set(name, { times: [], resolve });
    utils.addJob("chain", { chain: name, left: effects });
  });
}

if (verb === "work") {
  const runner = await startWorker(batched);
  await measureRates([100, 500, 1000], run);
  await runner.stop();
  await startWorker(plain);
  await measureLatency(run);
} else if (verb === "wake") {
  await startWorker(batched);
  async function left() {
    const found = await pool.query(
      "SELECT count(*)::int AS n FROM graphile_worker.jobs WHERE task_identifier = 'sleeper'",
    );
    return found.rows[0].n;
  }
  while ((await left()) > 0) await pause(50);
  say("awake", Number(count));
}
process.exit(0);

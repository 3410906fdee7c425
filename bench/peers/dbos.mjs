// dbos.mjs - DBOS Transact: workflows of steps, state in the same PostgreSQL (see common.mjs).
import { DBOS } from "@dbos-inc/dbos-sdk";
import { databaseUrl, measureLatency, measureRates, pause, say, startAll } from "./common.mjs";

const [verb, count, at] = process.argv.slice(2);
let woken = 0;

async function effect() {
  return 1;
}

const steps = DBOS.registerWorkflow(
  async (effects) => {
    for (let i = 0; i < effects; i++) await DBOS.runStep(effect);
  },
  { name: "steps" },
);

const timed = DBOS.registerWorkflow(
  async (effects) => {
    const times = [];
    for (let i = 0; i < effects; i++) {
      times.push(performance.now());
      await DBOS.runStep(effect);
    }
    return times;
  },
  { name: "timed" },
);

const sleeper = DBOS.registerWorkflow(
  async (until) => {
    await DBOS.sleep(Math.max(1, until - Date.now()));
    woken++;
  },
  { name: "sleeper" },
);

DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: databaseUrl,
  systemDatabasePoolSize: 20,
  logLevel: "error",
  applicationVersion: "1",
});
await DBOS.launch();

if (verb === "work") {
  async function run(effects) {
    const handle = await DBOS.startWorkflow(steps)(effects);
    await handle.getResult();
  }
  await measureRates([20, 100, 500, 1000], run);
  await measureLatency(async (effects) => {
    const handle = await DBOS.startWorkflow(timed)(effects);
    return handle.getResult();
  });
} else if (verb === "sleep") {
  await startAll(Number(count), () => DBOS.startWorkflow(sleeper)(Number(at)));
  // A workflow that was started has written its row; its sleep is written a moment later.
  await pause(3000);
  say("asleep", 1);
  await pause(3600e3);
} else if (verb === "wake") {
  const open = { workflowName: "sleeper", status: ["PENDING", "ENQUEUED"], limit: 1 };
  while (woken < Number(count) || (await DBOS.listWorkflows(open)).length) await pause(50);
  say("awake", woken);
}
process.exit(0);

// restate.mjs - Restate: its server with its own store on the same disk, and a service (see
// common.mjs). The server is started by peers.mjs; the service is this process.
import * as restate from "@restatedev/restate-sdk";
import http2 from "node:http2";
import { measureLatency, measureRates, pause, say, startAll } from "./common.mjs";

const [verb, count, at] = process.argv.slice(2);
const ingress = process.env.PEER_INGRESS;
const admin = process.env.PEER_ADMIN;
let woken = 0;

const bench = restate.service({
  name: "bench",
  handlers: {
    steps: async (ctx, effects) => {
      for (let i = 0; i < effects; i++) await ctx.run("effect", () => 1);
    },
    timed: async (ctx, effects) => {
      const times = [];
      for (let i = 0; i < effects; i++) {
        times.push(performance.now());
        await ctx.run("effect", () => 1);
      }
      return times;
    },
    sleeper: async (ctx, until) => {
      await ctx.sleep(Math.max(1, until - (await ctx.date.now())));
      woken++;
    },
  },
});

const sessions = [];
let turn = 0;

// One call through the ingress, over a few connections with many streams each.
function call(path, body) {
  return new Promise((resolve, reject) => {
    const session = sessions[turn++ % sessions.length];
    const stream = session.request({
      ":method": "POST", ":path": path, "content-type": "application/json",
    });
    let text = "";
    let status = 0;
    stream.on("response", (headers) => (status = headers[":status"]));
    stream.setEncoding("utf8");
    stream.on("data", (piece) => (text += piece));
    stream.on("end", () => {
      if (status >= 300) reject(new Error(`${path}: ${status} ${text}`));
      else resolve(text ? JSON.parse(text) : null);
    });
    stream.on("error", reject);
    stream.end(JSON.stringify(body));
  });
}

async function untilUp(url) {
  for (let i = 0; i < 1200; i++) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {}
    await pause(25);
  }
  throw new Error(`${url} does not answer`);
}

// The rows, or none when it cannot say now.
async function ask(sql) {
  const answer = await fetch(`${admin}/query`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query: sql }),
  });
  return answer.ok ? (await answer.json()).rows : [];
}

await restate.serve({ services: [bench], port: Number(process.env.PEER_PORT) });
await untilUp(`${admin}/health`);
await untilUp(`${ingress}/restate/health`);
// A server that comes up over ten thousand invocations says no for a while.
async function register() {
  try {
    const answer = await fetch(`${admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `http://127.0.0.1:${process.env.PEER_PORT}`, force: true }),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
for (let i = 0; !(await register()); i++) {
  if (i === 600) throw new Error("the service cannot be registered");
  await pause(50);
}
for (let i = 0; i < 8; i++) sessions.push(http2.connect(ingress));

if (verb === "work") {
  await measureRates([100, 500, 1000], (effects) => call("/bench/steps", effects));
  await measureLatency((effects) => call("/bench/timed", effects));
} else if (verb === "sleep") {
  await startAll(Number(count), () => call("/bench/sleeper/send", Number(at)));
  await pause(3000);
  say("asleep", 1);
  await pause(3600e3);
} else if (verb === "wake") {
  const open =
    "SELECT count(*) AS n FROM sys_invocation" +
    " WHERE target_service_name = 'bench' AND target_handler_name = 'sleeper'" +
    " AND status <> 'completed'";
  async function left() {
    const rows = await ask(open).catch(() => []);
    return rows.length ? Number(rows[0].n) : 1;
  }
  while ((await left()) > 0) await pause(50);
  say("awake", woken);
}
process.exit(0);

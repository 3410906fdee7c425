// peers.mjs - measures the peers one after the other, each in processes of its own, and prints lines
// "name<TAB>value<TAB>unit<TAB>" for bench/peers.c.
//
//   node peers.mjs SOCKET_DIR DIR    PEER_SECONDS, PEER_SLEEPERS; databases peer_dbos and peer_worker
//
// What cannot be measured is said on standard error and has no figure.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { pause } from "./common.mjs";

const [socketDir, dir] = process.argv.slice(2);
const here = path.dirname(fileURLToPath(import.meta.url));
const sleepers = Number(process.env.PEER_SLEEPERS ?? 10000);
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => process.exit(1));

function start(command, args, env, log) {
  const out = fs.openSync(path.join(dir, log), "a");
  const child = spawn(command, args, {
    env: { ...process.env, ...env }, stdio: ["ignore", "pipe", out], cwd: here,
  });
  children.add(child);
  child.gone = new Promise((resolve) => child.on("exit", resolve));
  child.gone.then(() => children.delete(child));
  return child;
}

async function kill(child, signal = "SIGKILL") {
  child.kill(signal);
  await child.gone;
}

// The lines of a peer's program until it says `last`, or ends.
async function answers(child, last, timeoutMs) {
  const found = {};
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const [key, value] = line.split("\t");
    found[key] = Number(value);
    if (key === last) break;
  }
  clearTimeout(timer);
  if (last && !(last in found)) throw new Error(`it ended before it said "${last}"`);
  return found;
}

// A peer with PostgreSQL needs nothing beside its own process.
function onDatabase(name) {
  const url = `postgresql://billow@localhost/peer_${name}?host=${encodeURIComponent(socketDir)}`;
  return { name, env: { PEER_DATABASE_URL: url }, up: async () => {}, down: async () => {} };
}

function onRestate() {
  const base = path.join(dir, "restate");
  const server = path.join(here, "node_modules/@restatedev/restate-server/../restate-server-linux-" +
    `${process.arch}/bin/restate-server`);
  const env = {
    PEER_INGRESS: "http://127.0.0.1:28080", PEER_ADMIN: "http://127.0.0.1:29070", PEER_PORT: "29080",
  };
  const settings = {
    RESTATE_BASE_DIR: base, RESTATE_NODE_NAME: "bench", RESTATE_LOG_FILTER: "error",
    RESTATE_INGRESS__BIND_ADDRESS: "127.0.0.1:28080", RESTATE_ADMIN__BIND_ADDRESS: "127.0.0.1:29070",
    RESTATE_BIND_ADDRESS: "127.0.0.1:25122", RESTATE_ADVERTISED_ADDRESS: "http://127.0.0.1:25122/",
    RESTATE_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "1",
    RESTATE_DEFAULT_NUM_PARTITIONS: process.env.PEER_PARTITIONS ?? "2",
    RESTATE_ADMIN__DISABLE_WEB_UI: "true",
  };
  const self = { name: "restate", env };
  self.up = async () => {
    self.server = start(server, [], settings, "restate-server.log");
    self.server.stdout.resume();
  };
  self.down = async () => kill(self.server);
  return self;
}

function program(peer, ...args) {
  return start(process.execPath, [path.join(here, `${peer.name}.mjs`), ...args.map(String)], peer.env,
    `${peer.name}.log`);
}

async function measureSleepers(peer) {
  const at = Date.now() + Number(process.env.PEER_SLEEP_MS ?? 90000);
  await peer.up();
  const asleep = program(peer, "sleep", sleepers, at);
  await answers(asleep, "asleep", at - Date.now());
  const took = Date.now();
  if (took > at - 1000) throw new Error("they were not asleep before they were due");
  await Promise.all([kill(asleep), peer.down()]);
  await pause(at - Date.now() + 500);
  const begun = performance.now();
  await peer.up();
  const awake = program(peer, "wake", sleepers);
  await answers(awake, "awake", 300000);
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all([kill(awake), peer.down()]);
  return seconds;
}

function figure(title, what, value, unit) {
  process.stdout.write(`${title}, ${what}\t${value}\t${unit}\t\n`);
}

async function measure(peer, title) {
  await peer.up();
  const work = program(peer, "work");
  const found = await answers(work, "latency_p99", 600000);
  await Promise.all([kill(work), peer.down()]);
  figure(title, "runs of one effect", found.runs_of_1, "runs/s");
  figure(title, "effects, ten in a run", found.effects_in_10, "effects/s");
  figure(title, "one effect when idle, p50", found.latency_p50, "ms");
  figure(title, "one effect when idle, p99", found.latency_p99, "ms");
  process.stderr.write(
    `bench: peers: ${title}: best with ${found.window_of_1} and ${found.window_of_10} open\n`);
  if (sleepers > 0) figure(title, "sleepers killed, ended", await measureSleepers(peer), "s");
}

const peers = [
  [onDatabase("dbos"), "DBOS"],
  [onDatabase("worker"), "graphile-worker"],
  [onRestate(), "Restate"],
];
const wanted = (process.env.PEER_ONLY ?? "").split(",").filter(Boolean);
for (const [peer, title] of peers) {
  if (wanted.length && !wanted.includes(peer.name)) continue;
  try {
    await measure(peer, title);
  } catch (error) {
    process.stderr.write(`bench: peers: ${title} could not be measured: ${error.message}\n`);
    children.forEach((child) => child.kill("SIGKILL"));
  }
}
process.exit(0);

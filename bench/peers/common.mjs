// common.mjs - what the measurements of the peers share: one way of loading, one way of reporting.
//
// Every program here takes a verb: `work` measures throughput and idle latency and prints lines
// "key<TAB>number"; `sleep N AT` leaves N workflows asleep until AT (ms since 1970), prints "asleep"
// and waits to be killed; `wake N` starts again what was killed, and prints "awake" when all N have
// ended.

export const seconds = Number(process.env.PEER_SECONDS ?? 3);
export const databaseUrl = process.env.PEER_DATABASE_URL;

export function say(key, value) {
  process.stdout.write(`${key}\t${value}\n`);
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// Keeps `window` workflows open until the time is over, and waits for the rest; how many ended a
// second. `one` starts a workflow and resolves when it has ended.
export async function rate(window, one, forSeconds = seconds) {
  const begun = performance.now();
  const until = begun + forSeconds * 1000;
  let ended = 0;
  async function lane() {
    while (performance.now() < until) {
      await one();
      ended++;
    }
  }
  await Promise.all(Array.from({ length: window }, lane));
  return ended / ((performance.now() - begun) / 1000);
}

// The best of several windows: each system gets the concurrency that suits it.
export async function bestRate(windows, one) {
  let best = { window: 0, rate: 0 };
  for (const window of windows) {
    await rate(window, one, seconds / 4);
    const found = await rate(window, one);
    if (found > best.rate) best = { window, rate: found };
  }
  return best;
}

export function percentile(samples, share) {
  samples.sort((a, b) => a - b);
  return samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
}

// Both throughputs, the same way for everybody. `run(effects)` does one workflow.
export async function measureRates(windows, run) {
  const one = await bestRate(windows, () => run(1));
  say("runs_of_1", one.rate);
  say("window_of_1", one.window);
  const ten = await bestRate(windows, () => run(10));
  say("effects_in_10", ten.rate * 10);
  say("window_of_10", ten.window);
}

// From effect to effect of one workflow that is alone. `starts(count)` gives the times, in ms, at
// which so many effects began.
export async function measureLatency(starts) {
  await starts(20);
  const times = await starts(Math.round(seconds * 100));
  const samples = times.slice(1).map((time, i) => time - times[i]);
  say("latency_p50", percentile(samples, 0.5));
  say("latency_p99", percentile(samples, 0.99));
}

// Runs `count` starts, at most 100 at a time.
export async function startAll(count, start) {
  let next = 0;
  async function lane() {
    while (next < count) await start(next++);
  }
  await Promise.all(Array.from({ length: 100 }, lane));
}

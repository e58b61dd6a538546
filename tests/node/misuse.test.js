// What a program can do wrong, and what its own functions can do to a run: nothing is done that was not meant,
// no run is broken, no process ends.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { emulator, withCallback, works } from "./support/emulator.js";
import { installed } from "./support/package.js";
import { quickTime } from "./support/time.js";

let user, lakekey, emu, document, held;
const rejected = [];
const onRejection = (reason) => rejected.push(reason);
before(async () => {
  user = await installed();
  lakekey = await user.load();
  process.on("unhandledRejection", onRejection);
});
after(() => process.off("unhandledRejection", onRejection));
beforeEach(async () => {
  emu = await emulator();
  document = withCallback(emu.document);
  await lakekey.provision(document, options());
});
afterEach(async () => {
  await emu.stop();
  assert.deepEqual(rejected.splice(0), []);
});

const catalog = async (value) => void (held = value);
const options = (more = {}) => ({ env: emu.env, sinks: { catalog }, ...quickTime().options, ...more });
const writes = async () => (await emu.requests()).filter(({ method }) => method !== "GET").length;
const usage = (error) => error instanceof lakekey.LakekeyError && error.code === "usage-invalid";

for (const [name, wrong] of Object.entries({
  "a text for a flag": { dryRun: "true" },
  "a number for a flag": { dryRun: 1 },
  "null for a flag": { force: null },
  "a text for notify": { notify: "no" },
  "a text for throwOnFailure": { throwOnFailure: "yes" },
  "no target": { targets: [] },
  "a text for the targets": { targets: "catalog-prod" },
  "targets that are no names": { targets: [1] },
  "an option of another name": { dryrun: true },
  "no environment": { env: null },
  "a text for the environment": { env: "A=1" },
  "no sinks": { sinks: null },
  "a sink that is no function": { sinks: { catalog: "x" } },
  "a signal that is none": { signal: {} },
  "an Octokit that is none": { octokit: {} },
  "a clock that is no function": { now: 5 },
})) {
  test(`a call with ${name} is refused before anything is sent`, async () => {
    const before = await writes();
    await assert.rejects(lakekey.rotate(document, { ...options(), force: true, ...wrong }), usage);
    assert.equal(await writes(), before);
  });
}

test("what is no configuration is named as what it is", async () => {
  const circle = { version: 1, targets: [] };
  circle.targets.push(circle);
  for (const [config, words] of [
    [circle, /cannot be written as JSON/],
    [Promise.resolve(document), /is a promise/],
    [undefined, /neither an object nor/],
    [5, /neither an object nor/],
    [{ version: 1, targets: [{ a: 1n }] }, /cannot be written as JSON/],
  ]) {
    await assert.rejects(lakekey.status(config, options()), (error) => usage(error) && words.test(error.message));
  }
  for (const wrong of [null, "x", Promise.resolve({})])
    await assert.rejects(lakekey.status(document, wrong), usage);
});

test("the bytes of a configuration are one too", async () => {
  for (const bytes of [Buffer.from(document), new TextEncoder().encode(document)])
    assert.equal((await lakekey.status(bytes, options())).targets[0].outcome, "ok");
});

test("revoke takes no flag that only looks like one", async () => {
  const wrong = { targets: ["catalog-prod"], all: "false" };
  await assert.rejects(lakekey.revoke(document, { ...options(), ...wrong }), usage);
  await assert.rejects(lakekey.revoke(document, { ...options(), targets: [], superseded: true }), usage);
  assert.ok(await works(emu, held));
});

test("no function of the caller's can break a run", async () => {
  const broken = () => {
    throw new Error("broken");
  };
  const env = new Proxy(
    {},
    {
      get: (_, name) => {
        if (name in emu.env) return emu.env[name];
        throw new Error("no permission");
      },
    },
  );
  const report = await lakekey.rotate(document, {
    ...options(),
    env,
    force: true,
    now: broken,
    getRandomValues: broken,
    onEvent: async () => Promise.reject(new Error("rejected")),
    onSecret: async () => Promise.reject(new Error("rejected")),
  });
  assert.equal(report.targets[0].outcome, "rotated");
  assert.ok(await works(emu, held));
  await new Promise((resolve) => setTimeout(resolve, 0));
});

test("a report says whether all is well, and a failure can be thrown", async () => {
  const fine = await lakekey.rotate(document, options());
  assert.equal(fine.ok, true);
  assert.ok(!JSON.stringify(fine).includes('"ok":'), "the JSON is the binary's");
  const why = new Error("the catalogue is full: s3cr3t");
  const failing = { ...options(), force: true, sinks: { catalog: async () => Promise.reject(why) } };
  const report = await lakekey.rotate(document, failing);
  assert.equal(report.ok, false);
  const [{ error, outcome }] = report.targets;
  assert.ok(["failed", "partial"].includes(outcome), outcome);
  assert.equal(error.cause, why);
  assert.ok(!JSON.stringify(report).includes("s3cr3t"));
  await emu.advance(90_000);
  await assert.rejects(lakekey.rotate(document, { ...failing, throwOnFailure: true }), (thrown) => {
    assert.ok(thrown instanceof lakekey.LakekeyError);
    assert.equal(thrown.report.ok, false);
    assert.equal(thrown.code, thrown.report.targets[0].error.code);
    assert.equal(thrown.cause, why);
    return true;
  });
});

test("keys with a hyphen have a second name that can be written with a dot", async () => {
  const [target] = (await lakekey.status(document, options())).targets;
  assert.equal(target.clientId, target["client-id"]);
  assert.deepEqual(target.leftOver, []);
  assert.ok(!Object.keys(target).includes("clientId"));
});

test("a trap of the module ends the runs that are under way, and the next one works", async () => {
  const wrong = document.replace(/client-secret: \{env: \w+\}/, "client-secret: {file: secret}");
  // A length that no memory has: the core panics where it copies the bytes.
  const readFile = () => Object.defineProperty(new Uint8Array(8), "length", { value: 2 ** 31 });
  let release;
  const waiting = new Promise((resolve) => (release = resolve));
  const beside = lakekey.rotate(document, {
    ...options(),
    force: true,
    fetch: async (...args) => {
      await waiting;
      return fetch(...args);
    },
  });
  const internal = (error) => error instanceof lakekey.LakekeyError && error.code === "internal";
  const both = Promise.allSettled([beside, lakekey.status(wrong, { ...options(), readFile })]);
  setTimeout(release, 50);
  for (const { reason } of await both) assert.ok(internal(reason), String(reason));
  assert.equal((await lakekey.status(document, options())).targets[0].outcome, "ok");
  assert.ok(lakekey.sealSecret(Buffer.alloc(32, 1).toString("base64"), "x"));
});

test("a check tells every mistake with its place, and sends nothing", async () => {
  const before = (await emu.requests()).length;
  const text = document.replace("version: 1", "version: 2").replace("lifetime: 90d", "lifetime: soon");
  const { mistakes } = await lakekey.check(text, { env: emu.env });
  assert.deepEqual(mistakes.map(({ key }) => key).sort(), ["defaults.token.lifetime", "version"]);
  assert.ok(mistakes.every(({ line, column }) => line > 0 && column > 0));
  assert.deepEqual((await lakekey.check(document, { env: {}, secrets: false })).mistakes, []);
  assert.equal((await emu.requests()).length, before);
});

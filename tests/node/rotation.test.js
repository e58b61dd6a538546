// The rotation through the package's API, against the emulator.

import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";

import { emulator, withCallback, works } from "./support/emulator.js";
import { installed } from "./support/package.js";
import { quickTime } from "./support/time.js";

let lakekey, emu, document, time;
/** What the callback was given last, which is what the user's program would go on with. */
let held;

const catalog = async (value) => {
  held = value;
};
const options = (more = {}) => ({ env: emu.env, sinks: { catalog }, ...time.options, ...more });
const only = ({ targets }) => {
  assert.equal(targets.length, 1);
  return targets[0];
};
const tokens = async () =>
  (await emu.state()).workspaces[0].tokens.filter(({ comment }) => comment.includes("lakekey"));

before(async () => {
  lakekey = await (await installed()).load();
});

beforeEach(async () => {
  emu = await emulator();
  document = withCallback(emu.document);
  time = quickTime();
  held = undefined;
  assert.equal(only(await lakekey.provision(document, options())).outcome, "provisioned");
});

afterEach(() => emu.stop());

/**
 * Lets an hour pass, after which no lease and no back-off stands in the way, and asserts that one run brings all in
 * order.
 */
async function converges() {
  await emu.faults();
  await emu.advance(3_900);
  time.pass(3_900_000);
  const report = only(await lakekey.rotate(document, options()));
  assert.ok(["rotated", "not-due"].includes(report.outcome), JSON.stringify(report));
  assert.ok(await works(emu, held), "the sink holds a credential that works");
  assert.deepEqual((await tokens()).map(({ "token-id": id }) => id), [report.credential.id]);
}

test("a callback sink gets the new credential, and the old one is revoked after it has resolved", async () => {
  const old = held;
  let oldWorked, info;
  const slow = async (value, given) => {
    oldWorked = await works(emu, old);
    info = given;
    held = value;
  };
  const report = only(await lakekey.rotate(document, options({ force: true, sinks: { catalog: slow } })));
  assert.equal(report.outcome, "rotated");
  assert.equal(oldWorked, true);
  assert.equal(await works(emu, old), false);
  assert.equal(await works(emu, held), true);
  assert.deepEqual(
    { ...info, created: undefined, expires: undefined },
    {
      sink: "catalog",
      target: "catalog-prod",
      id: report.credential.id,
      created: undefined,
      expires: undefined,
    },
  );
  assert.ok(info.created instanceof Date && info.expires > info.created);
  assert.deepEqual(
    report.delivered.map(({ sink }) => sink),
    ["callback catalog"],
  );
});

test("a callback that rejects has nothing revoked, and the next run delivers a fresh credential", async () => {
  const old = held;
  let given;
  const failing = async (value) => {
    given = value;
    throw new Error(`could not store ${value}`);
  };
  const report = only(await lakekey.rotate(document, options({ force: true, sinks: { catalog: failing } })));
  assert.equal(report.outcome, "partial");
  assert.equal(report.error.code, "sink-failed");
  assert.deepEqual(report.revoked, []);
  assert.ok(await works(emu, old));
  assert.ok(await works(emu, given));
  assert.ok(!JSON.stringify(report).includes(given), "the rejection's text is not repeated");
  await converges();
});

test("a callback that refuses for certain has the new credential rolled back and the old one kept", async () => {
  let given;
  const refusing = (value) => {
    given = value;
    throw new lakekey.LakekeyError({ code: "sink-refused", message: "the vault is read-only" });
  };
  const report = only(await lakekey.rotate(document, options({ force: true, sinks: { catalog: refusing } })));
  assert.equal(report.outcome, "failed");
  assert.equal(report.error.code, "sink-refused");
  assert.equal(await works(emu, given), false);
  assert.ok(await works(emu, held));
  assert.equal((await tokens()).length, 1);
});

test("a callback that never answers is given up after a minute", async () => {
  const never = () => new Promise(() => {});
  const impatient = {
    ...time.options,
    setTimeout: (callback, ms) =>
      ms === 60_000 ? setImmediate(callback) : time.options.setTimeout(callback, ms),
  };
  const report = only(
    await lakekey.rotate(document, options({ ...impatient, force: true, sinks: { catalog: never } })),
  );
  assert.equal(report.outcome, "partial");
  assert.match(report.error.message, /not done within 60 s/);
  assert.ok(await works(emu, held));
});

test("what is not due is left alone", async () => {
  await emu.forget();
  const report = only(await lakekey.rotate(document, options()));
  assert.equal(report.outcome, "not-due");
  assert.ok(
    (await emu.requests()).every(({ method, path }) => method === "GET" || path.includes("/oauth2/")),
  );
});

test("a dry run changes nothing", async () => {
  const before = await emu.state();
  const report = only(await lakekey.rotate(document, options({ force: true, dryRun: true })));
  assert.equal(report.steps[0].state, "would");
  assert.deepEqual((await emu.state()).workspaces[0].tokens, before.workspaces[0].tokens);
});

test("a function is needed where a credential is delivered, and nowhere else", async () => {
  const without = options({ sinks: {} });
  for (const read of ["status", "plan", "doctor"])
    assert.equal(only(await lakekey[read](document, without)).error, null, read);
  assert.equal(only(await lakekey.rotate(document, { ...without, force: true, dryRun: true })).error, null);
  const before = await tokens();
  const refused = only(await lakekey.rotate(document, { ...without, force: true }));
  assert.equal(refused.error.code, "sink-unsupported");
  assert.match(refused.error.key, /deliver\[0\]\.name$/);
  assert.deepEqual(await tokens(), before);
});

test("an abort at any request leaves the sink working and the next run converges", async () => {
  await emu.forget();
  await lakekey.rotate(document, options({ force: true }));
  const count = (await emu.requests()).length;
  assert.ok(count > 8);
  for (let stop = 0; stop <= count; stop += 1) {
    const controller = new AbortController();
    let sent = 0;
    const counting = async (url, init) => {
      if (sent === stop) controller.abort();
      sent += 1;
      const response = await fetch(url, init);
      if (sent > stop) controller.abort();
      return response;
    };
    const report = only(
      await lakekey.rotate(document, options({ force: true, fetch: counting, signal: controller.signal })),
    );
    assert.ok(await works(emu, held), `stopped at request ${stop}: ${JSON.stringify(report.error)}`);
    if (report.outcome === "failed")
      assert.equal(report.error.code, "cancelled", `stopped at request ${stop}`);
    await converges();
  }
});

test("an abort while a service says nothing ends the run without waiting for its limit", async () => {
  const controller = new AbortController();
  const silent = (url, init) =>
    url.includes("/token/list")
      ? new Promise((_, reject) => {
          init.signal.addEventListener("abort", () => reject(init.signal.reason));
          setImmediate(() => controller.abort());
        })
      : fetch(url, init);
  const report = only(
    await lakekey.rotate(document, options({ force: true, fetch: silent, signal: controller.signal })),
  );
  assert.equal(report.error.code, "cancelled");
});

test("an onEvent that throws does not disturb the rotation", async () => {
  const events = [];
  const onEvent = (event) => {
    events.push(event.step);
    throw new Error("listener");
  };
  assert.equal(only(await lakekey.rotate(document, options({ force: true, onEvent }))).outcome, "rotated");
  assert.ok(events.includes("create-token") && events.includes("revoke-token"));
});

test("revoke revokes what its option says and nothing else", async () => {
  const report = only(await lakekey.revoke(document, options({ targets: ["catalog-prod"], all: true })));
  assert.equal(report.outcome, "revoked");
  assert.equal(await works(emu, held), false);
  await assert.rejects(lakekey.revoke(document, options({ targets: ["catalog-prod"] })), {
    code: "usage-invalid",
  });
  await assert.rejects(lakekey.revoke(document, options({ all: true })), { code: "usage-invalid" });
});


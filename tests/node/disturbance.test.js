// Kill and lost reply at every request of a rotation, through the package's API.

import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";

import { emulator, withCallback, works } from "./support/emulator.js";
import { installed } from "./support/package.js";
import { quickTime } from "./support/time.js";

/** Each way to disturb a request, given how to carry it out; a kill never comes back to the run. */
const KINDS = {
  "killed before it": async (_, kill) => kill(),
  "killed after it": async (carryOut, kill) => {
    await carryOut();
    return kill();
  },
  "its reply lost": async (carryOut) => {
    await carryOut();
    throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } });
  },
  "its connection refused": async () => {
    throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
  },
};

let lakekey, emu;
before(async () => {
  lakekey = await (await installed()).load();
});
beforeEach(async () => {
  emu = await emulator();
});
afterEach(() => emu.stop());

const managed = async () =>
  (await emu.state()).workspaces[0].tokens.filter(({ comment }) => comment.includes("lakekey"));

for (const [name, disturb] of Object.entries(KINDS)) {
  test(`a rotation with any one request ${name} leaves the sink working, and the next run converges`, async () => {
    const document = withCallback(emu.document);
    const time = quickTime();
    let held;
    const options = (more) => ({
      env: emu.env,
      sinks: { catalog: async (value) => void (held = value) },
      ...time.options,
      ...more,
    });
    const settle = async () => {
      await emu.advance(3_900);
      time.pass(3_900_000);
      const [report] = (await lakekey.rotate(document, options())).targets;
      assert.ok(["rotated", "not-due"].includes(report.outcome), JSON.stringify(report));
      assert.ok(await works(emu, held));
      assert.deepEqual(
        (await managed()).map((token) => token["token-id"]),
        [report.credential.id],
      );
    };
    const [made] = (await lakekey.provision(document, options())).targets;
    assert.equal(made.outcome, "provisioned");
    await emu.forget();
    await lakekey.rotate(document, options({ force: true }));
    const requests = (await emu.requests()).length;
    assert.ok(requests >= 9, `${requests} requests are disturbed`);
    for (let nth = 0; nth < requests; nth += 1) {
      let sent = 0;
      let killed;
      const dead = new Promise((resolve) => (killed = resolve));
      let isDead = false;
      const never = new Promise(() => {});
      const fetching = async (url, init) => {
        // A killed process sends nothing any more.
        if (isDead) return never;
        const mine = sent;
        sent += 1;
        if (mine !== nth) return fetch(url, init);
        return disturb(
          () => fetch(url, init).then((response) => response.arrayBuffer()),
          () => {
            isDead = true;
            killed();
            return never;
          },
        );
      };
      const sinks = { catalog: async (value) => (isDead ? never : void (held = value)) };
      await Promise.race([lakekey.rotate(document, options({ force: true, fetch: fetching, sinks })), dead]);
      assert.ok(await works(emu, held), `request ${nth} was ${name}: the sink's credential works`);
      await settle();
    }
  });
}

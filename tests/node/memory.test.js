// Two hundred rotations in one process.

import assert from "node:assert/strict";
import { test } from "node:test";

import { emulator, withCallback, works } from "./support/emulator.js";
import { installed } from "./support/package.js";
import { quickTime } from "./support/time.js";

test("two hundred rotations leave the module's memory as the first twenty have made it", async () => {
  const emu = await emulator();
  try {
    const { Instance } = WebAssembly;
    let started;
    WebAssembly.Instance = function instance(...given) {
      return (started = new Instance(...given));
    };
    const lakekey = await (await installed()).load();
    const memory = () => started.exports.memory.buffer.byteLength;
    const document = withCallback(emu.document);
    let held;
    const options = {
      env: emu.env,
      sinks: { catalog: async (value) => void (held = value) },
      ...quickTime().options,
    };
    await lakekey.provision(document, options);
    let settled;
    for (let round = 1; round <= 200; round += 1) {
      const [{ outcome, error }] = (await lakekey.rotate(document, { ...options, force: true })).targets;
      assert.equal(outcome, "rotated", JSON.stringify(error));
      if (round === 20) settled = memory();
    }
    assert.equal(memory(), settled);
    assert.ok(await works(emu, held));
    assert.equal(
      (await emu.state()).workspaces[0].tokens.filter(({ comment }) => comment.includes("lakekey")).length,
      1,
    );
  } finally {
    await emu.stop();
  }
});

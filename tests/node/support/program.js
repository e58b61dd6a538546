// One program of a user's, the same on every runtime and in every bundle: it provisions, rotates, and says
// what came of it.

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";

import { emulator, withCallback, works } from "./emulator.js";
import { MODULES } from "./package.js";

export const NODES = {
  "the Node that runs the tests": process.execPath,
  // The first of each line that is promised, and a late one.
  "Node 20.0": join(MODULES, "node20/bin/node"),
  "Node 22.0": join(MODULES, "node22-0/bin/node"),
  "Node 22": join(MODULES, "node22/bin/node"),
  "Node 24": join(MODULES, "node24/bin/node"),
};

/** The program's module; `from` is what it imports. Without `env` the package takes its own default. */
export const rotation = (from = "lakekey") => `import { provision, rotate } from ${JSON.stringify(from)};
export async function rotation(document, env) {
  const held = [];
  const options = { env, sinks: { catalog: async (value, { created }) => void held.push(created instanceof Date && value) } };
  const reports = [await provision(document, options), await rotate(document, { ...options, force: true })];
  return { held, targets: reports.flatMap(({ targets }) => targets) };
}
`;

/**
 * The program of a process: the document stands in the environment, and what came of it goes to standard
 * output.
 */
export const MAIN = `import process from "node:process";
import { rotation } from "./rotation.mjs";
console.log(JSON.stringify(await rotation(process.env.DOCUMENT)));
`;

/**
 * Has `run(document, env)` carry out the program against a fresh emulator, and asserts that it has rotated.
 */
export async function rotates(run) {
  const emu = await emulator();
  try {
    const { held, targets } = await run(withCallback(emu.document), emu.env);
    assert.deepEqual(
      targets.map(({ outcome, error }) => [outcome, error]),
      [
        ["provisioned", null],
        ["rotated", null],
      ],
    );
    assert.deepEqual(await Promise.all(held.map((value) => works(emu, value))), [false, true]);
    const left = (await emu.state()).workspaces[0].tokens.filter(({ comment }) =>
      comment.includes("lakekey"),
    );
    assert.deepEqual(left.map((token) => token["token-id"]), [targets[1].credential.id]);
  } finally {
    await emu.stop();
  }
}

/** Has a process carry it out. */
export const rotatesIn = (user, program, args, more = {}) =>
  rotates(async (document, env) =>
    JSON.parse((await user.run(program, args, { ...more, ...env, DOCUMENT: document })).stdout),
  );

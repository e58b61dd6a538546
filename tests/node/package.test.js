// The packed package as Node loads it: both module systems, every version that is promised.

import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";

import { installed } from "./support/package.js";
import { NODES } from "./support/program.js";

const NAMES = ["LakekeyError", "doctor", "plan", "provision", "revoke", "rotate", "sealSecret", "status"];
let user;

before(async () => {
  user = await installed();
  user.file(
    "names.mjs",
    `import * as lakekey from "lakekey";
import { createRequire } from "node:module";
const required = createRequire(import.meta.url)("lakekey");
const same = ${JSON.stringify(NAMES)}.every((name) => lakekey[name] !== undefined && lakekey[name] === required[name]);
let code, kind;
try { await lakekey.status({ version: 1, targets: [], nonsense: true }, { env: {} }); } catch (error) { ({ code, class: kind } = error instanceof required.LakekeyError && error); }
console.log(JSON.stringify({ same, code, kind }));`,
  );
  user.file(
    "names.cjs",
    `const { status } = require("lakekey"); status("targets: [", { env: {} }).catch((error) => console.log(error.code));`,
  );
});

for (const [name, node] of Object.entries(NODES)) {
  test(`import and require share one instance on ${name}`, async () => {
    const { stdout } = await user.run(node, ["names.mjs"]);
    assert.deepEqual(JSON.parse(stdout), { same: true, code: "config-unknown-key", kind: "configuration" });
  });

  test(`a CommonJS program gets the stable code of a refusal on ${name}`, async () => {
    const { stdout } = await user.run(node, ["names.cjs"]);
    assert.equal(stdout.trim(), "config-syntax");
  });
}

test("the command line refuses what the binary refuses, with the same status", async () => {
  assert.equal((await user.cli(["rotate", "--config", "missing.yml"])).status, 2);
  assert.equal((await user.cli(["nonsense"])).status, 2);
  assert.match((await user.cli(["--version"])).stdout, /^lakekey \d+\.\d+\.\d+\n$/);
});

test("the package has no dependency and no install script", async () => {
  const { default: manifest } = await import(join(user.folder, "node_modules/lakekey/package.json"), {
    with: { type: "json" },
  });
  assert.equal(manifest.dependencies, undefined);
  assert.ok(!Object.keys(manifest.scripts ?? {}).some((name) => name.includes("install")));
});

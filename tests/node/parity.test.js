// The binary and the package, given one configuration, ask the services the same.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";

import { BINARY, emulator } from "./support/emulator.js";
import { installed } from "./support/package.js";

/**
 * Puts what changes from run to run out of sight. Requests that leave at the same time have no order among
 * them.
 */
async function recorded(emu) {
  const seen = (await emu.requests()).map(
    ({ service, method, path, status }) =>
      `${service} ${method} ${path.replace(/[0-9a-f]{64}/g, "TOKEN")} ${status}`,
  );
  return seen.sort();
}

const RUNS = [
  ["status"],
  ["doctor"],
  ["provision"],
  ["rotate"],
  ["rotate", "--force"],
  ["plan"],
  ["status"],
  ["revoke", "--target", "catalog-prod", "--superseded"],
  ["revoke", "--target", "catalog-prod", "--all", "--yes"],
];

test("every command makes the same requests and ends with the same report as the binary", async () => {
  const user = await installed();
  const [native, packed] = await Promise.all([emulator(), emulator()]);
  try {
    for (const args of RUNS) {
      await Promise.all([native.forget(), packed.forget()]);
      const line = (emu) => [...args, "--json", "--config", emu.ready.config];
      const one = await user.run(BINARY, line(native), native.env).catch((error) => error);
      const two = await user.cli(line(packed), packed.env);
      assert.deepEqual(await recorded(packed), await recorded(native), args.join(" "));
      assert.equal(two.status, one.code ?? 0, args.join(" "));
      const shape = (text) =>
        JSON.stringify(
          JSON.parse(text),
          (key, value) =>
            typeof value === "string" &&
            (/\d{4}-\d\d-\d\dT|[0-9a-f]{8}-|[0-9a-f]{64}/.test(value) || value.includes("127.0.0.1"))
              ? key
              : value,
          1,
        );
      assert.equal(shape(two.stdout), shape(one.stdout), args.join(" "));
    }
  } finally {
    await Promise.all([native.stop(), packed.stop()]);
  }
});

test("the same wrong configuration is refused in the same words", async () => {
  const user = await installed();
  for (const text of [
    "",
    "version: 2\ntargets: []\n",
    "version: 1\ntargets:\n  - name: a\n    workspace: http://example.com\n",
    "version: 1\ntargets:\n  - nam: a\n",
    "a: [",
    "version: 1\ntargets:\n  - name: a\n    auth: {type: azure-client-secret, client-secret: literal}\n",
  ]) {
    writeFileSync(`${user.folder}/lakekey.yml`, text);
    const one = await user.run(BINARY, ["rotate", "--json"]).catch((error) => error);
    const two = await user.cli(["rotate", "--json"]);
    assert.equal(two.status, 2);
    assert.equal(one.code, 2);
    assert.deepEqual(JSON.parse(two.stdout), JSON.parse(one.stdout));
  }
});

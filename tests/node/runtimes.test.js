// The package on every runtime that it promises: each carries out a whole rotation.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { before, test } from "node:test";

import { build } from "esbuild";
import { Miniflare } from "miniflare";

import { emulator } from "./support/emulator.js";
import { HERE, installed, MODULES } from "./support/package.js";
import { MAIN, NODES, rotates, rotatesIn, rotation } from "./support/program.js";

// Deno is allowed what the package's README says that it takes. Neither fetches anything.
const DENO = ["run", "--no-prompt", "--no-remote", "--allow-env", "--allow-read", "--allow-net=127.0.0.1"];
const RUNTIMES = {
  ...Object.fromEntries(Object.entries(NODES).map(([name, node]) => [name, [node]])),
  Deno: [join(MODULES, ".bin/deno"), ...DENO],
  Bun: [join(MODULES, ".bin/bun"), "--no-install"],
};

let user, quiet;
before(async () => {
  user = await installed();
  quiet = { DENO_DIR: join(user.folder, ".deno"), DENO_NO_UPDATE_CHECK: "1" };
  user.file("rotation.mjs", rotation());
  user.file("main.mjs", MAIN);
  user.file("time.mjs", readFileSync(join(HERE, "support/time.js"), "utf8"));
  user.file(
    "unreachable.mjs",
    `import process from "node:process";
import { status } from "lakekey";
import { quickTime } from "./time.mjs";
const { targets } = await status(process.env.DOCUMENT, quickTime().options);
console.log(JSON.stringify(targets[0].error));
`,
  );
});

/** Returns a port at which nobody listens. */
async function silentPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

for (const [name, [program, ...args]] of Object.entries(RUNTIMES)) {
  test(`a rotation with a callback runs through on ${name}`, () =>
    rotatesIn(user, program, [...args, "main.mjs"], quiet));

  test(`a request that never left is known as one on ${name}`, async () => {
    const emu = await emulator();
    try {
      const document = emu.document.replace(
        /workspace: .*/,
        `workspace: http://127.0.0.1:${await silentPort()}`,
      );
      const { stdout } = await user.run(program, [...args, "unreachable.mjs"], {
        ...quiet,
        ...emu.env,
        DOCUMENT: document,
      });
      const { code, hint } = JSON.parse(stdout);
      assert.equal(code, "not-reachable", stdout);
      assert.match(hint, /NODE_EXTRA_CA_CERTS/, "it names what Node reads");
    } finally {
      await emu.stop();
    }
  });

  test(`the command line answers, and refuses with its status, on ${name}`, async () => {
    const cli = [...args, join(user.folder, "node_modules/lakekey/cli.js")];
    assert.match((await user.run(program, [...cli, "--version"], quiet)).stdout, /^lakekey \d+\.\d+\.\d+\n$/);
    const refused = await user
      .run(program, [...cli, "status", "--config", "missing.yml"], quiet)
      .catch((error) => error);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^error: config-unreadable at configure\n  missing\.yml: the configuration cannot be read: /m,
    );
  });
}

test("a rotation with a callback runs through on workerd", async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { rotation } from "./rotation.mjs";
export default { fetch: async (request, env) => Response.json(await rotation(await request.text(), env)) };`,
      resolveDir: user.folder,
    },
    bundle: true,
    format: "esm",
    // As Wrangler does: modules of WebAssembly stay modules, which workerd compiles before it starts.
    conditions: ["workerd", "worker", "browser"],
    external: ["*.wasm"],
    write: false,
  });
  await rotates(async (document, env) => {
    const worker = new Miniflare({
      cf: false,
      compatibilityDate: "2026-01-01",
      bindings: env,
      modules: [
        { type: "ESModule", path: "worker.js", contents: outputFiles[0].text },
        {
          type: "CompiledWasm",
          path: "lakekey.wasm",
          contents: readFileSync(join(user.folder, "node_modules/lakekey/lakekey.wasm")),
        },
      ],
    });
    try {
      const response = await worker.dispatchFetch("http://worker/", { method: "POST", body: document });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return JSON.parse(text);
    } finally {
      await worker.dispose();
    }
  });
});

// The package behind a proxy that opens TLS with an authority of its own, on each line of Node: by Node's own means
// where it has them, and by a `fetch` of the program's where it has not. The proxy is the emulator's, which answers
// at the services' real names.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { emulator } from "./support/emulator.js";
import { installed, MODULES } from "./support/package.js";
import { NODES } from "./support/program.js";

let user, emu, folder;
before(async () => {
  user = await installed();
  symlinkSync(join(MODULES, "undici"), join(user.folder, "node_modules/undici"));
  folder = mkdtempSync(join(tmpdir(), "lakekey-proxy-"));
  emu = await emulator("--proxy", folder);
  user.file("lakekey.yml", readFileSync(emu.ready.config, "utf8"));
  user.file(
    "own.mjs",
    `import { readFileSync } from "node:fs";
import { EnvHttpProxyAgent, fetch } from "undici";
import { provision } from "lakekey";
const dispatcher = new EnvHttpProxyAgent({ requestTls: { ca: readFileSync(process.env.SSL_CERT_FILE) } });
const report = await provision(readFileSync("lakekey.yml"), { fetch: (url, init) => fetch(url, { ...init, dispatcher }) });
console.log(report.ok, report.targets[0].outcome, report.targets[0].error?.message ?? "");
`,
  );
  user.file(
    "plain.mjs",
    `import { readFileSync } from "node:fs";
import { provision } from "lakekey";
const report = await provision(readFileSync("lakekey.yml"));
console.log(report.ok, report.targets[0].outcome, report.targets[0].error?.message ?? "");
`,
  );
});
after(async () => {
  await emu?.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const [name, node] of Object.entries(NODES)) {
  test(`a fetch with a proxy's dispatcher reaches the services by their names on ${name}`, async () => {
    const { stdout } = await user.run(node, ["own.mjs"], emu.env);
    assert.match(stdout, /^true (provisioned|ok)/);
  });
}

for (const name of ["Node 22", "Node 24"]) {
  test(`NODE_USE_ENV_PROXY and NODE_EXTRA_CA_CERTS are enough on ${name}`, async () => {
    assert.equal(emu.env.NODE_USE_ENV_PROXY, "1");
    const { stdout } = await user.run(NODES[name], ["plain.mjs"], emu.env);
    assert.match(stdout, /^true (provisioned|ok)/);
  });
}

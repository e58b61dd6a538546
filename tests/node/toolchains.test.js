// The package where other tools load it: test runners, bundlers of servers, a package manager without folders.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { before, test } from "node:test";

import commonjs from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rollup } from "rollup";

import { installed, MODULES, run, TARBALL } from "./support/package.js";
import { MAIN, rotates, rotatesIn, rotation } from "./support/program.js";

/** The program of CommonJS, as people write it who have never left it. */
const COMMON = `const { provision, rotate } = require("lakekey");
exports.rotation = async (document, env) => {
  const held = [];
  const options = { env, sinks: { catalog: async (value, { created }) => void held.push(created instanceof Date && value) } };
  const reports = [await provision(document, options), await rotate(document, { ...options, force: true })];
  return { held, targets: reports.flatMap(({ targets }) => targets) };
};
`;
const COMMON_MAIN = `const { rotation } = require("./rotation.cjs");
rotation(process.env.DOCUMENT).then((result) => console.log(JSON.stringify(result)));
`;

let user;
before(async () => {
  user = await installed();
  user.file("rotation.mjs", rotation());
  user.file("main.mjs", MAIN);
  user.file("rotation.cjs", COMMON);
  user.file("main.cjs", COMMON_MAIN);
  for (const name of ["jest", "ts-jest", "typescript", "@types"])
    symlinkSync(join(MODULES, name), join(user.folder, "node_modules", name));
});

/** Has Jest run a file in its default mode, and returns what that has written. */
async function withJest(name, text, config = {}) {
  user.file(name, text);
  user.file("jest.config.json", JSON.stringify({ testMatch: [`**/${name}`], haste: { enableSymlinks: false }, ...config }));
  await rotates(async (document, env) => {
    const result = user.file("result.json", "");
    await user.run(process.execPath, [join(MODULES, "jest/bin/jest.js"), "--config", "jest.config.json"], {
      ...env, DOCUMENT: document, RESULT: result, CI: "1",
    });
    const { readFileSync } = await import("node:fs");
    return JSON.parse(readFileSync(result, "utf8"));
  });
}

test("a test of Jest in its default mode rotates", () =>
  withJest(
    "rotation.test.cjs",
    `const { writeFileSync } = require("node:fs");
const { rotation } = require("./rotation.cjs");
test("rotates", async () => {
  writeFileSync(process.env.RESULT, JSON.stringify(await rotation(process.env.DOCUMENT, process.env)));
}, 60000);
`,
    { moduleFileExtensions: ["cjs", "js", "json"] },
  ));

test("a test of ts-jest rotates", () =>
  withJest(
    "typed.test.ts",
    `import { writeFileSync } from "node:fs";
import { provision, rotate, type Report } from "lakekey";
test("rotates", async () => {
  const held: string[] = [];
  const options = { env: process.env, sinks: { catalog: async (value: string) => void held.push(value) } };
  const document = String(process.env.DOCUMENT);
  const reports: Report[] = [await provision(document, options), await rotate(document, { ...options, force: true })];
  writeFileSync(String(process.env.RESULT), JSON.stringify({ held, targets: reports.flatMap(({ targets }) => targets) }));
}, 60000);
`,
    {
      transform: { "\\.ts$": ["ts-jest", { tsconfig: { module: "commonjs", target: "es2022", strict: true, esModuleInterop: true, types: ["node", "jest"], skipLibCheck: true } }] },
    },
  ));

test("ncc leaves the module behind, and the bundle rotates once it is copied", async () => {
  const out = mkdtempSync(join(tmpdir(), "lakekey-ncc-"));
  try {
    await user.run(process.execPath, [join(MODULES, "@vercel/ncc/dist/ncc/cli.js"), "build", "main.cjs", "-o", out, "-q"]);
    cpSync(join(user.folder, "node_modules/lakekey/lakekey.wasm"), join(out, "lakekey.wasm"));
    await rotatesIn(user, process.execPath, [join(out, "index.cjs")]);
  } finally {
    rmSync(out, { recursive: true });
  }
});

test("rollup leaves the module behind, and the bundle rotates once it is copied", async () => {
  const out = mkdtempSync(join(tmpdir(), "lakekey-rollup-"));
  try {
    const bundle = await rollup({
      input: join(user.folder, "main.mjs"),
      plugins: [nodeResolve({ exportConditions: ["node"], preferBuiltins: true }), commonjs()],
      onwarn: () => {},
    });
    await bundle.write({ file: join(out, "main.mjs"), format: "es" });
    await bundle.close();
    cpSync(join(user.folder, "node_modules/lakekey/lakekey.wasm"), join(out, "lakekey.wasm"));
    await rotatesIn(user, process.execPath, [join(out, "main.mjs")]);
  } finally {
    rmSync(out, { recursive: true });
  }
});

test("Yarn's Plug'n'Play, which has no node_modules, loads it from its archive", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lakekey-pnp-"));
  try {
    const other = { ...user, folder };
    cpSync(TARBALL, join(folder, "lakekey.tgz"));
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(folder, "package.json"), '{"name": "pnp", "private": true, "dependencies": {"lakekey": "file:./lakekey.tgz"}}');
    writeFileSync(join(folder, ".yarnrc.yml"), "nodeLinker: pnp\nenableTelemetry: false\nenableGlobalCache: false\n");
    writeFileSync(join(folder, "yarn.lock"), "");
    writeFileSync(join(folder, "rotation.cjs"), COMMON);
    writeFileSync(join(folder, "main.cjs"), COMMON_MAIN);
    writeFileSync(join(folder, "rotation.mjs"), rotation());
    writeFileSync(join(folder, "main.mjs"), MAIN);
    const yarn = join(MODULES, "@yarnpkg/cli-dist/bin/yarn.js");
    const env = { PATH: process.env.PATH, HOME: folder };
    await run(process.execPath, [yarn, "install"], { cwd: folder, env });
    for (const program of ["main.cjs", "main.mjs"])
      await rotates(async (document, more) => {
        const args = [yarn, "node", program];
        const { stdout } = await run(process.execPath, args, { cwd: other.folder, env: { ...env, ...more, DOCUMENT: document } });
        return JSON.parse(stdout);
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

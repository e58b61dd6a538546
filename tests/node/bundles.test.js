// Programs that a bundler has packed, run where there is nothing but the bundle.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import webpack from "webpack";

import { installed } from "./support/package.js";
import { MAIN, rotatesIn, rotation } from "./support/program.js";

/** What the package's README says for bundlers that leave the module behind. */
const INIT = `import { init } from "lakekey/init";
import module from "lakekey/lakekey.wasm";
await init(module);
`;
/** A browser's program has no environment: it gives its own. */
const WEB = `import { rotation } from "./rotation.mjs";
console.log(JSON.stringify(await rotation(globalThis.given.DOCUMENT, globalThis.given)));
`;
const SOURCES = {
  "rotation.mjs": rotation(),
  "rotation-init.mjs": rotation("lakekey/init"),
  "node.mjs": MAIN,
  "node.cjs": `require("./rotation.mjs").rotation(process.env.DOCUMENT).then((result) => console.log(JSON.stringify(result)));`,
  "node-init.mjs": INIT + MAIN,
  "web.mjs": WEB,
  "web-init.mjs": INIT + WEB.replace("rotation.mjs", "rotation-init.mjs"),
  "web-url.mjs":
    INIT.replace("lakekey.wasm", "lakekey.wasm?url").replace("(module)", "(fetch(module))") +
    WEB.replace("rotation.mjs", "rotation-init.mjs"),
};

let user, root, server;
before(async () => {
  user = await installed();
  for (const [name, text] of Object.entries(SOURCES)) user.file(name, text);
  root = mkdtempSync(join(tmpdir(), "lakekey-bundles-"));
  // Serves the bundles, as a browser fetches what lies beside them.
  server = createServer(({ url }, response) => {
    try {
      response.end(readFileSync(join(root, url)));
    } catch {
      response.writeHead(404).end("not here");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => {
  server.close();
  rmSync(root, { recursive: true });
});

/** Makes an empty folder for a bundle. */
const output = () => mkdtempSync(join(root, "bundle-"));
const served = (folder) => `http://127.0.0.1:${server.address().port}/${basename(folder)}/`;
const source = (name) => join(user.folder, name);

async function withEsbuild(entry, options) {
  const outfile = join(output(), `main${options.format === "cjs" ? ".cjs" : ".mjs"}`);
  await esbuild({
    absWorkingDir: user.folder,
    entryPoints: [source(entry)],
    bundle: true,
    format: "esm",
    target: "node20",
    outfile,
    logLevel: "error",
    ...options,
  });
  return outfile;
}

async function withWebpack(entry, target) {
  const path = output();
  const compiler = webpack({
    mode: "production",
    context: user.folder,
    entry: source(entry),
    target,
    // The module is larger than webpack thinks good for a page.
    performance: false,
    experiments: { outputModule: true },
    output: {
      path,
      filename: "main.mjs",
      module: true,
      publicPath: target === "web" ? served(path) : "auto",
    },
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, result) => (error ? reject(error) : resolve(result))),
  );
  await new Promise((resolve) => compiler.close(resolve));
  assert.equal(stats.toString("errors-warnings"), "webpack compiled successfully");
  return join(path, "main.mjs");
}

async function withVite(entry, { outDir = output(), ssr = false, noExternal } = {}) {
  const output = { entryFileNames: "main.mjs" };
  await vite({
    root: user.folder,
    configFile: false,
    logLevel: "error",
    base: served(outDir),
    ssr: { noExternal },
    build: {
      outDir,
      ssr,
      target: "esnext",
      emptyOutDir: false,
      rollupOptions: { input: source(entry), output },
    },
  });
  return join(outDir, "main.mjs");
}

/** Runs a bundle as a program of Node, or as a browser would, where it has nothing of Node's. */
const rotatesOnNode = (bundle) => rotatesFrom(bundle, [bundle]);
const rotatesAsPage = (bundle) => rotatesFrom(bundle, asPage(bundle));
const asPage = (bundle) => [
  "--input-type=module",
  "--eval",
  `globalThis.given = process.env; delete globalThis.process; await import(${JSON.stringify(pathToFileURL(bundle).href)});`,
];
function rotatesFrom(bundle, args) {
  // Vite says in comments what came from where.
  const program = readFileSync(bundle, "utf8").replace(/^\s*\/\/.*$/gm, "");
  assert.ok(!program.includes(user.folder), "it looks for nothing where it was made");
  return rotatesIn(user, process.execPath, args);
}

/** Asserts that the bundle's first call says what has happened to it. */
async function saysWhatToDo(args) {
  const { stderr } = await user
    .run(process.execPath, args, { DOCUMENT: "targets: []" })
    .then(assert.fail, (error) => error);
  assert.match(stderr, /LakekeyError: lakekey\.wasm was not found beside the program/);
  assert.match(stderr, /copy it there, or give it to `init` of "lakekey\/init"/);
}

const copyModule = (bundle) =>
  cpSync(join(user.folder, "node_modules/lakekey/lakekey.wasm"), join(bundle, "../lakekey.wasm"));

const LEAVING = {
  "esbuild for Node as an ES module": () => withEsbuild("node.mjs", { platform: "node" }),
  "esbuild for Node as CommonJS": () => withEsbuild("node.cjs", { platform: "node", format: "cjs" }),
  "Vite for a server with everything inside": () => withVite("node.mjs", { ssr: true, noExternal: true }),
};
for (const [name, make] of Object.entries(LEAVING)) {
  test(`a bundle by ${name} says that the module was left behind and rotates once it is copied`, async () => {
    const bundle = await make();
    await saysWhatToDo([bundle]);
    copyModule(bundle);
    await rotatesOnNode(bundle);
  });
}

test("a bundle by esbuild for browsers says that the module was left behind", async () => {
  await saysWhatToDo(asPage(await withEsbuild("web.mjs", { platform: "browser" })));
});

test("a bundle by esbuild for Node that brings the module to init rotates, with Node's environment", async () => {
  await rotatesOnNode(
    await withEsbuild("node-init.mjs", { platform: "node", loader: { ".wasm": "binary" } }),
  );
});

test("a bundle by esbuild for browsers that brings the module to init rotates", async () => {
  await rotatesAsPage(
    await withEsbuild("web-init.mjs", { platform: "browser", loader: { ".wasm": "binary" } }),
  );
});

test("a bundle by webpack for Node carries the module along and rotates", async () => {
  await rotatesOnNode(await withWebpack("node.mjs", "node"));
});

test("a bundle by webpack for browsers fetches the module from beside it and rotates", async () => {
  await rotatesAsPage(await withWebpack("web.mjs", "web"));
});

test("a build by Vite for browsers fetches the module from beside it and rotates", async () => {
  await rotatesAsPage(await withVite("web.mjs"));
});

test("a build by Vite for browsers that gives init the module's address rotates", async () => {
  await rotatesAsPage(await withVite("web-url.mjs"));
});

test("a build by Vite for a server that leaves packages where they are rotates", async () => {
  await rotatesOnNode(await withVite("node.mjs", { ssr: true, outDir: join(user.folder, "server") }));
});

test("what is not the module is refused by init with what to give it", async () => {
  user.file(
    "refused.mjs",
    `import { init, status } from "lakekey/init";
const given = [undefined, "lakekey.wasm", new Uint8Array(8), new Response("not here", { status: 404 })];
const refusals = [await status({ version: 1, targets: [] }).catch((error) => error)];
for (const module of given) refusals.push(await init(module).catch((error) => error));
console.log(JSON.stringify(refusals.map(({ name, code, hint }) => [name, code, /init/.test(hint) || /fetch\\(url\\)/.test(hint)])));`,
  );
  const { stdout } = await user.run(process.execPath, ["refused.mjs"]);
  assert.deepEqual(JSON.parse(stdout), Array(5).fill(["LakekeyError", "usage-invalid", true]));
});

// What type checkers, linters of packages and readers of the README see.

import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";

import { installed, MODULES, ROOT, run, TARBALL } from "./support/package.js";

const bin = (name) => join(MODULES, ".bin", name);
/** Runs a checker, whose complaint is what the test then says. */
const clean = (program, args, options) =>
  run(program, args, options).catch(({ stdout, stderr }) => assert.fail(`${stdout}${stderr}`));

const README = "wasm/npm/README.md";
const examples = [README, "README.md"].flatMap((document) =>
  [...readFileSync(join(ROOT, document), "utf8").matchAll(/^```(js|ts)\n([^]*?)^```$/gm)].map(
    ([, kind, text]) => ({ document, kind, text }),
  ),
);

/** The same program of CommonJS, which has no `await` at its top. */
const required = (text) =>
  `(async () => {\n${text.replace(/^import (\w+) from ("[^"]*");/gm, "const { default: $1 } = require($2);").replace(/^import (\{.*\}) from ("[^"]*");/gm, "const $1 = require($2);")}})();\n`;

/** A program that is right but for the lines that say so; CommonJS and ES modules have the same. */
const STRICT = `import { Octokit } from "@octokit/core";
import { LakekeyError, matrix, plan, revoke, rotate, sealSecret, type Code, type Config, type ErrorClass, type Outcome, type PlannedStep, type Report, type Sink, type Step, type StepReport } from "lakekey";
import { init, status } from "lakekey/init";
import module from "lakekey/lakekey.wasm";

const target: Config["targets"][number] = {
  name: "a",
  workspace: "https://adb-1.7.azuredatabricks.net",
  principal: { "client-id": "11111111-1111-1111-1111-111111111111" },
  deliver: [{ type: "callback", name: "catalog" }],
};
const config: Config = { version: 1, targets: [target] };
const sink: Sink = async (value, { expires }) => console.log(value.length, expires?.getTime());

export async function right(): Promise<Outcome[]> {
  await init(module);
  await init(fetch("lakekey.wasm"));
  const report: Report = await rotate(config, { force: true, env: process.env, fetch, sinks: { catalog: sink }, signal: new AbortController().signal, onEvent: ({ phase }) => phase === "failed" });
  await rotate("version: 1", { octokit: new Octokit(), Octokit, setTimeout, clearTimeout });
  await revoke(config, { targets: ["a"], tokenId: "1" });
  await status(config, {});
  const { include } = await matrix(config, { shards: 2 });
  console.log(include[0]?.targets, sealSecret("", "").length, await plan(config));
  try {
    throw new LakekeyError({ code: "sink-refused", message: "read-only" });
  } catch (error) {
    const code: Code | undefined = error instanceof LakekeyError ? error.code : undefined;
    const fault: ErrorClass | undefined = error instanceof LakekeyError ? error.class : undefined;
    console.log(code, fault);
  }
  const done: StepReport[] = report.targets.flatMap(({ steps = [] }) => steps.filter(({ state }) => state === "done" || state === "not-checked"));
  const steps: Step[] = done.map(({ step }: PlannedStep) => step);
  const reason: string | undefined = report.targets[0]?.error?.reason;
  console.log(steps, reason);
  return report.targets.map(({ outcome }) => outcome);
}

export async function wrong(): Promise<void> {
  // @ts-expect-error: a version is a number
  await rotate({ ...config, version: "1" });
  // @ts-expect-error: there is no such key of a document
  await rotate({ ...config, target: [] });
  // @ts-expect-error: there is no such key of a target
  await rotate({ version: 1, targets: [{ ...target, delivers: [] }] });
  // @ts-expect-error: there is no such place of delivery
  await rotate({ version: 1, targets: [{ ...target, deliver: [{ type: "nowhere" }] }] });
  // @ts-expect-error: a place of delivery says everything that it needs
  await rotate({ version: 1, targets: [{ ...target, deliver: [{ type: "github-secret" }] }] });
  // @ts-expect-error: a secret does not stand in the document
  await rotate({ version: 1, targets: [{ ...target, auth: { type: "azure-client-secret", "client-secret": "literal" } }] });
  // @ts-expect-error: a target has a workspace
  await rotate({ version: 1, targets: [{ name: "a" }] });
  // @ts-expect-error: a document is needed
  await rotate();
  // @ts-expect-error: force is no text
  await rotate(config, { force: "yes" });
  // @ts-expect-error: only rotate takes force
  await plan(config, { force: true });
  // @ts-expect-error: a sink is a function
  await rotate(config, { sinks: { catalog: "file" } });
  // @ts-expect-error: there is no such option
  await rotate(config, { timeout: 1 });
  // @ts-expect-error: revoke is told of whom
  await revoke(config, { all: true });
  // @ts-expect-error: revoke is told what
  await revoke(config, { targets: ["a"] });
  // @ts-expect-error: revoke takes one of the three
  await revoke(config, { targets: ["a"], all: true, superseded: true });
  // @ts-expect-error: there is no such code
  new LakekeyError({ code: "no-such-code", message: "" });
  // @ts-expect-error: there is no such state of a step
  console.log((await plan(config)).targets[0]?.steps?.[0]?.state === "perhaps");
  // @ts-expect-error: a value is text
  sealSecret("", 1);
}
`;

let user;
before(async () => {
  user = await installed({ octokit: true });
  symlinkSync(join(MODULES, "@types"), join(user.folder, "node_modules/@types"));
  user.file("strict.mts", STRICT);
  user.file(
    "strict.cts",
    STRICT.replace(
      "import { Octokit }",
      'import type { Octokit as Kit } from "@octokit/core" with { "resolution-mode": "import" };\ndeclare const Octokit: typeof Kit;\n//',
    ),
  );
  user.file("given.d.ts", "declare function storeSomewhere(target: string, value: string): Promise<void>;\n");
  for (const [at, { kind, text }] of examples.entries()) {
    user.file(`example-${at}.m${kind}`, `${text}export {};\n`);
    user.file(`example-${at}.c${kind}`, required(text));
  }
});

/** Has TypeScript check files as strictly as it can. */
async function typed(files, options) {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowJs: true,
    checkJs: true,
    target: "es2022",
    ...options,
  };
  const project = user.file("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  await clean(bin("tsc"), ["--project", project], { cwd: user.folder });
}

test("publint has nothing to say of the package", () => clean(bin("publint"), ["run", "--strict", TARBALL]));

test("every way of resolving modules finds the right types for every entry", () =>
  clean(bin("attw"), [TARBALL]));

test("the declarations follow from the core's own shapes", () =>
  clean(join(ROOT, "script/declarations"), ["--check"]));

// Declarations that are not ours cost seconds: they are skipped here, and there are none in the test after
// this one.
const NODE = { module: "node16", lib: ["es2022"], types: ["node"], skipLibCheck: true };

test("the examples of the READMEs are right for strict TypeScript, as ES modules and as CommonJS", async () => {
  assert.ok(examples.some(({ document, text }) => document === README && text.includes("await rotate(")));
  await typed(
    [
      "given.d.ts",
      ...examples.flatMap(({ kind }, at) => [`example-${at}.m${kind}`, `example-${at}.c${kind}`]),
    ],
    NODE,
  );
});

test("a wrong key or option is an error of types, in an ES module and in CommonJS", () =>
  typed(["strict.mts", "strict.cts"], { ...NODE, module: "nodenext" }));

test("the declarations are right for themselves, and a wrong key or option is an error of types to bundlers", async () => {
  user.file(
    "browser.mts",
    STRICT.replace("env: process.env, ", "")
      .replace(/^import .*octokit.*$/m, "")
      .replace("octokit: new Octokit(), Octokit, ", ""),
  );
  await typed(["browser.mts"], {
    module: "esnext",
    moduleResolution: "bundler",
    customConditions: ["browser"],
    lib: ["es2022", "dom"],
    types: [],
    skipDefaultLibCheck: true,
  });
});

// The packed command line against the binary: the cases that the binary's own tests run too, and the help
// word by word.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { BINARY, emulator } from "./support/emulator.js";
import { installed, ROOT } from "./support/package.js";

const { files, cases } = JSON.parse(readFileSync(join(ROOT, "tests/fixtures/command-line.json"), "utf8"));

let user, TABLE;
before(async () => {
  user = await installed();
  for (const [name, text] of Object.entries(files)) user.file(name, text);
  ({ TABLE } = await import(pathToFileURL(join(user.folder, "node_modules/lakekey/cli/arguments.js")).href));
});

for (const { what, args, env, exit, says = [], code, class: kind, only } of cases) {
  if (only === "binary") continue;
  test(`${what}: lakekey ${args.join(" ")}`, async () => {
    const [{ status, stdout, stderr }, told] = await Promise.all([
      user.cli(args, env),
      code && user.cli(["--json", ...args], env),
    ]);
    assert.equal(status, exit, stderr);
    for (const part of says) assert.ok((stdout + stderr).includes(part), `${part} in ${stdout}${stderr}`);
    if (code === undefined) return;
    assert.equal(told.status, exit, told.stderr);
    const { error, targets } = JSON.parse(told.stdout);
    const { code: toldCode, class: toldClass } = error ?? targets[0].error;
    assert.deepEqual([toldCode, toldClass], [code, kind]);
  });
}

/** What the binary says of itself, without what the package does not have. */
async function binaryHelp(...words) {
  const { stdout } = await user.run(BINARY, [...words, "--help"]);
  const elsewhere = TABLE.commands.filter(({ binary }) => binary).map(({ name }) => name);
  return aligned(
    stdout
      .split("\n")
      .filter((line) => !elsewhere.some((name) => new RegExp(`^  (lakekey )?${name} `).test(line)))
      // Here everything is told, and nothing in colours.
      .filter((line) => !/ --color <WHEN>| --log <FORM>| --timings\[| --all .*Tell the details| --markdown | --format <FORM>/.test(line))
      .join("\n"),
  );
}

/** The width of a column depends on what else stands in it. */
const aligned = (text) => text.replace(/(\S) {2,}/g, "$1  ");

test("the help of the whole is the binary's, but for the commands of the binary alone, which its last line names", async () => {
  const { stdout } = await user.cli(["--help"]);
  const alone = "init, demo, emulate, completions";
  assert.equal(aligned(stdout), `${await binaryHelp()}Commands of the native binary alone: ${alone}.\n`);
});

test("the help of every command is the binary's, word by word", async () => {
  const here = TABLE.commands.filter(({ name, binary }) => !binary && name !== "help");
  assert.ok(here.length > 5);
  for (const { name } of here)
    assert.equal(aligned((await user.cli([name, "--help"])).stdout), await binaryHelp(name));
});

test("LAKEKEY_LOG decides how much is told, as in the binary", async () => {
  const told = async (LAKEKEY_LOG) =>
    (
      await user.cli(["status", "--config", "certificate.yml"], {
        CATALOG_CERTIFICATE: "no-pem",
        LAKEKEY_LOG,
      })
    ).stderr;
  const binary = async (LAKEKEY_LOG) =>
    (
      await user
        .run(BINARY, ["status", "--config", "certificate.yml"], {
          CATALOG_CERTIFICATE: "no-pem",
          LAKEKEY_LOG,
        })
        .catch((error) => error)
    ).stderr;
  for (const level of ["error", "warn", "info", "TRACE", "nonsense", ""])
    assert.equal(await told(level), await binary(level), level);
});

test("the doctor shows its requests, and sends them once a person or the option agrees", async () => {
  const [world, { doctor }] = await Promise.all([emulator(), user.load()]);
  const { config } = world.ready;
  const members = async () => (await world.state()).workspaces[0].members.length;
  const before = await members();
  const options = { env: world.env, fix: true };
  const offered = (report) => report.targets[0].steps.filter(({ state }) => state === "would");
  const listed = await doctor(readFileSync(config, "utf8"), options);
  assert.match(offered(listed)[0].message, /: POST http\S+\/scim\/v2\/ServicePrincipals \{/);
  assert.deepEqual([listed.targets[0]["confirmation-needed"], await members()], [true, before]);
  const agreed = await user.terminal(["doctor", "--config", config, "--fix"], world.env);
  assert.deepEqual([agreed.status, agreed.asked, await members()], [0, ["y"], before + 1], agreed.shown);
  const nothing = await doctor(readFileSync(config, "utf8"), { ...options, yes: true });
  assert.deepEqual([nothing.targets[0].outcome, offered(nothing)], ["ok", []]);
  await world.stop();
});

test("at a terminal each target is confirmed by its name, and one that could not be listed is left alone", async () => {
  const two = await emulator("--workspaces", "2");
  const names = ["catalog-prod", "catalog-prod-2"];
  const brake = ["revoke", "--config", two.ready.config, ...names.flatMap((name) => ["--target", name]), "--all"];
  const alive = async () =>
    (await two.state()).workspaces.map(({ tokens }) => tokens.filter(({ live }) => live).length);
  const before = await alive();
  assert.equal((await user.cli(["provision", "--config", two.ready.config], two.env)).status, 0);
  await two.faults({
    workspace: 1,
    "path-contains": "/api/2.0/token",
    kind: { status: { status: 403, body: { message: "no" } } },
  });
  const half = await user.terminal(brake, two.env);
  assert.deepEqual([half.status, half.asked], [1, names.slice(0, 1)], half.shown);
  assert.deepEqual(await alive(), [before[0], before[1] + 1]);
  await two.faults();
  const rest = await user.terminal(brake, two.env);
  assert.deepEqual([rest.status, rest.asked], [0, names.slice(1)], rest.shown);
  assert.deepEqual(await alive(), before);
  await two.stop();
});

test("the page of a fleet is the binary's, around the report of this run", async () => {
  const emu = await emulator();
  try {
    user.file("fleet.yml", emu.document);
    const file = join(user.folder, "site/fleet.html");
    assert.equal((await user.cli(["provision", "--config", "fleet.yml"], emu.env)).status, 0);
    const { status, stderr } = await user.cli(["status", "--config", "fleet.yml", "--html", file], emu.env);
    assert.equal(status, 0, stderr);
    const page = readFileSync(file, "utf8");
    const [, data] = /id="report">([^]*?)<\/script>/.exec(page);
    assert.equal(JSON.parse(data).targets.length, 1);
    const template = readFileSync(join(ROOT, "action/src/page/status.html"), "utf8");
    assert.equal(page.replace(data, "REPORT"), template);
    const refused = await user.cli(["status", "--config", "fleet.yml", "--html", `${file}/below/it`], emu.env);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /could not be written/);
  } finally {
    await emu.stop();
  }
});

test("a check tells each mistake with its place and ends with 2, as the binary's does", async () => {
  user.file("wrong.yml", "version: 2\ntargets:\n  - name: a\n    workspce: https://adb-1.2.azuredatabricks.net\n");
  const [here, there] = await Promise.all([
    user.cli(["check", "--config", "wrong.yml", "--json"]),
    user.run(BINARY, ["check", "--config", "wrong.yml", "--json"]).catch((error) => ({ status: error.code, ...error })),
  ]);
  assert.equal(here.status, 2);
  assert.equal(there.status, 2);
  assert.deepEqual(JSON.parse(here.stdout), JSON.parse(there.stdout));
  const { stderr } = await user.cli(["check", "--config", "wrong.yml"]);
  assert.match(stderr, /wrong\.yml:4:5: config-unknown-key/);
});

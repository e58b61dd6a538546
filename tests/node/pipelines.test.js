// The packed command line in Azure Pipelines: what the agent reads of it, and what the log shows.

import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";

import { Agent, commandIn } from "./support/agent.js";
import { emulator, withCallback, works } from "./support/emulator.js";
import { installed } from "./support/package.js";

const PIPELINE = { TF_BUILD: "True" };
const AWKWARD = "50%; a]b ##vso[task.complete result=Succeeded]\r\nsecond %0A line\n";

let user, emu, config;
before(async () => {
  user = await installed();
});
beforeEach(async () => {
  emu = await emulator();
  config = user.file("lakekey.yml", withCallback(emu.document));
});
afterEach(() => emu.stop());

const lines = ({ stdout, stderr }) => [...stderr.split("\n"), ...stdout.split("\n")];
const commands = (run) => lines(run).map(commandIn).filter(Boolean);
const named = (run, name) => commands(run).filter((command) => command.name === name);

/** Runs a command as a step named `lakekey`. */
async function step(args, env = {}) {
  const run = await user.cli(["--config", config, ...args], { ...emu.env, ...PIPELINE, ...env });
  const agent = new Agent();
  agent.read(run, "lakekey");
  return { ...run, agent };
}

/** No secret that the emulator has ever given out stands in a line that is shown. */
async function keepsSecrets(run) {
  const secrets = [...new Set([...(await emu.secrets()), ...Object.values(emu.env)])];
  for (const line of lines(run)) {
    if (/^##vso\[task\.setsecret\]|^##vso\[task\.setvariable [^\]]*issecret=true;/.test(line)) continue;
    for (const secret of secrets) assert.ok(!line.includes(secret), `${line.slice(0, 60)}… shows a secret`);
  }
}

test("awkward text comes out of the agent as it went in", async () => {
  const { command } = await import(
    pathToFileURL(`${user.folder}/node_modules/lakekey/cli/pipelines.js`).href
  );
  const line = command("task.logissue", { type: "error", code: "%;]\r\n=", gone: undefined }, AWKWARD);
  assert.equal(
    line,
    "##vso[task.logissue type=error;code=%AZP25%3B%5D%0D%0A=;]50%AZP25; a]b ##vso[task.complete result=Succeeded]%0D%0Asecond %AZP250A line%0A",
  );
  assert.deepEqual(commandIn(line), {
    name: "task.logissue",
    properties: { type: "error", code: "%;]\r\n=" },
    data: AWKWARD,
  });
});

test("every secret is masked before anything is said, and a callback is a secret variable of the steps that follow", async () => {
  const run = await step(["provision"]);
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stderr, /^##vso\[task\.setsecret\]/);
  const token = run.agent.variables.get("catalog");
  assert.ok(await works(emu, token));
  assert.equal(run.agent.variables.get("lakekey.catalog"), token);
  const all = commands(run);
  const masked = all.findIndex(({ name, data }) => name === "task.setsecret" && data === token);
  assert.ok(masked < all.findIndex(({ name, data }) => name === "task.setvariable" && data === token));
  for (const variable of ["catalog", "lakekey.catalog"])
    assert.ok(run.agent.secrets.has(run.agent.variables.get(variable)));
  await keepsSecrets(run);
  assert.deepEqual([run.agent.results, run.agent.issues], [[], []]);
});

test("the outcome and the credential's dates are variables, plain and as outputs of the step", async () => {
  const { agent, stdout } = await step(["provision", "--json"]);
  const [{ outcome, credential }] = JSON.parse(stdout).targets;
  for (const prefix of ["", "lakekey."]) {
    const told = ["OUTCOME", "TOKEN_ID", "EXPIRES", "DUE"].map((name) =>
      agent.variables.get(`${prefix}LAKEKEY_${name}`),
    );
    assert.deepEqual(told, [outcome, credential.id, credential.expires, credential.due]);
  }
  const idle = await step(["rotate"]);
  assert.equal(idle.agent.variables.get("LAKEKEY_OUTCOME"), "not-due");
  assert.equal(idle.agent.variables.has("catalog"), false);
});

test("a secret of awkward text is masked whole and line by line, and its failure has a code and fails the step", async () => {
  // A key may have many lines; a secret that has is refused before anything is sent.
  const refused = await step(["rotate"], { CATALOG_CLIENT_SECRET: AWKWARD });
  assert.equal(refused.status, 2, refused.stderr);
  assert.ok(!refused.stderr.includes("second %0A line"));
  const place = "      - {type: github-secret, repository: acme/data, secret: DATABRICKS_TOKEN}\n";
  const app = "github: {type: app, app-id: 1, private-key: {env: APP_KEY}}\ntargets:";
  const document = `${withCallback(emu.document)}${place}`.replace(/^github:[^]*?^targets:/m, app);
  config = user.file("app.yml", document);
  const run = await step(["rotate"], { APP_KEY: AWKWARD });
  assert.equal(run.status, 1, run.stderr);
  // One line end at its end is not part of it.
  for (const part of [AWKWARD.replace(/\n$/, ""), ...AWKWARD.split(/\r?\n/).slice(0, 2)])
    assert.ok(run.agent.secrets.has(part), part);
  const [issue, ...more] = run.agent.issues;
  assert.deepEqual(more, []);
  assert.equal(issue.type, "error");
  assert.match(issue.code, /^[a-z]+(-[a-z]+)+$/);
  assert.match(issue.message, /^catalog-prod: /);
  assert.deepEqual(run.agent.results, ["Failed"]);
  assert.ok(run.agent.log.some((line) => line.includes(issue.code)));
  await keepsSecrets(run);
});

test("a delivery to some of the places alone fails the step", async () => {
  config = user.file(
    "two.yml",
    `${withCallback(emu.document)}      - {type: github-secret, repository: acme/data, secret: DATABRICKS_TOKEN}\n`,
  );
  await emu.faults({ service: "github", method: "PUT", kind: "drop-after" });
  const run = await step(["provision"]);
  assert.equal(run.status, 1, run.stderr);
  assert.equal(run.agent.variables.get("LAKEKEY_OUTCOME"), "partial");
  assert.deepEqual(run.agent.issues.filter(({ type }) => type === "error").length, 1);
  assert.deepEqual(run.agent.results, ["Failed"]);
  await keepsSecrets(run);
});

test("what went well with a warning succeeds with issues", async () => {
  await step(["provision"]);
  await emu.faults({
    service: "databricks",
    method: "POST",
    "path-contains": "/token/delete",
    kind: {
      status: {
        status: 403,
        body: { error_code: "PERMISSION_DENIED", message: "##vso[task.complete result=Failed]" },
      },
    },
  });
  const run = await step(["rotate", "--force"]);
  assert.equal(run.status, 0, run.stderr);
  assert.equal(run.agent.variables.get("LAKEKEY_OUTCOME"), "rotated");
  assert.deepEqual([...new Set(run.agent.issues.map(({ type }) => type))], ["warning"]);
  assert.deepEqual(run.agent.results, ["SucceededWithIssues"]);
});

test("status fails the step where a credential is as far gone as --fail-on says", async () => {
  await step(["provision"]);
  await step(["revoke", "--target", "catalog-prod", "--all", "--yes"]);
  const run = await step(["status", "--fail-on", "due"]);
  assert.equal(run.status, 3, run.stderr);
  assert.match(run.agent.issues[0].message, /catalog-prod/);
  assert.deepEqual(run.agent.results, ["Failed"]);
});

test("status fails the step while Databricks is watching a PAT, and shows what it may do", async () => {
  const scoped = (scopes) =>
    emu.document.replace("renew-before: 30d", `renew-before: 30d, scopes: ${scopes}`);
  config = user.file("lakekey.yml", scoped("auto"));
  await step(["provision"]);
  const run = await step(["status", "--fail-on", "narrowing"]);
  assert.equal(run.status, 3, run.stderr);
  assert.match(run.stdout, /scopes: it may do everything that its principal may; narrows on \d{4}-\d\d-\d\d \(in /);
  config = user.file("lakekey.yml", scoped("[sql]"));
  await step(["rotate", "--force"]);
  const chosen = await step(["status", "--fail-on", "narrowing"]);
  assert.equal(chosen.status, 0, chosen.stderr);
  assert.match(chosen.stdout, /scopes: it may do what \[sql\] cover/);
});

test("no text of a configuration becomes a command, as text or as JSON", async () => {
  for (const sting of [
    "##vso[task.setvariable variable=x]y",
    "#\u00ad#vso[task.setvariable variable=x]y",
    "##[error]y",
  ]) {
    config = user.file("sting.yml", JSON.stringify({ version: 1, targets: [], [sting]: 1 }));
    for (const args of [[], ["--json"]]) {
      const run = await step(["rotate", ...args]);
      assert.equal(run.status, 2);
      assert.deepEqual(named(run, "task.setvariable"), []);
      assert.deepEqual(
        run.agent.issues.map(({ code }) => code),
        ["config-unknown-key"],
      );
      assert.deepEqual(run.agent.results, ["Failed"]);
      const shown = lines(run).filter((line) => !line.startsWith("##vso[task."));
      assert.ok(!/#\p{Cf}*#/u.test(shown.join("\n")));
      if (args.length > 0) assert.ok(JSON.parse(run.stdout).error.key.endsWith(sting));
    }
  }
});

test("outside Azure Pipelines there is no command", async () => {
  for (const TF_BUILD of ["", "False"]) {
    for (const args of [["rotate", "--force", "--dry-run"], ["rotate", "--nonsense"]]) {
      const run = await user.cli(["--config", config, ...args], { ...emu.env, TF_BUILD });
      assert.ok(!/##/.test(run.stdout + run.stderr), run.stderr);
    }
  }
});

// The examples, run as they stand: only the placeholders for workspace, ids and App are filled in.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, test } from "node:test";

import { BINARY, emulator, works } from "./support/emulator.js";
import { HERE, installed, ROOT } from "./support/package.js";
import { connectionsOf, runPipeline, stepsOf } from "./support/pipeline.js";

const EXAMPLES = join(ROOT, "examples");
const WORKSPACE = "https://adb-1234567890123456.7.azuredatabricks.net";
const PRINCIPAL = "11111111-1111-1111-1111-111111111111";
const CONNECTION = "44444444-4444-4444-4444-444444444444";

let user, emu, principal, values;
beforeEach(async () => {
  [user, emu] = await Promise.all([installed(), emulator()]);
  principal = /client-id: (\S+)/.exec(emu.document)[1];
  values = { [WORKSPACE]: emu.ready.workspaces[0], [PRINCIPAL]: principal };
  await emu.seed(
    { principal: { "application-id": principal } },
    { "token-permission": { "service-principal-name": principal } },
  );
});
afterEach(() => emu.stop());

/** Copies an example into the user's folder, filled in. */
function take(source, to = source, more = "") {
  const text = readFileSync(join(EXAMPLES, source), "utf8");
  return user.file(
    to,
    Object.entries(values).reduce((done, [from, value]) => done.replaceAll(from, value), text) + more,
  );
}

const environment = () => ({
  AZURE_AUTHORITY_HOST: emu.ready.login,
  GITHUB_API_URL: emu.ready.github,
  ...emu.env,
});
const node = (file, env = {}) => user.run(process.execPath, [file], { ...environment(), ...env });
const managed = async () =>
  (await emu.state()).workspaces[0].tokens.filter(({ comment, live }) => live && comment.includes("lakekey"));

/**
 * A user's repository with the pipeline, a service connection that the application trusts, and a variable
 * group.
 */
async function pipeline({ trusted = true, entra = false, named = true } = {}) {
  const path = take("azure-pipelines.yml");
  take("azure/rotate.yml");
  // The emulator knows of the pipeline what Azure DevOps does: which connections its tasks name.
  const references = named ? connectionsOf(stepsOf(path)) : [];
  const job = await emu.seed({ azure: { "pipeline-job": { references, "issued-by-entra": entra } } });
  const { issuer, subject } = job.tokens.lakekey;
  const federated = {
    "client-id": principal,
    name: "pipelines",
    issuer,
    subject: trusted ? subject : "sc://acme/data/another",
  };
  await emu.seed(
    { azure: { "federated-credential": federated } },
    {
      azure: {
        "variable-group": { project: "data", name: "databricks", variables: [{ name: "OTHER", value: "x" }] },
      },
    },
  );
  values[CONNECTION] = job["service-connections"].lakekey;
  take(
    "azure/lakekey.yml",
    "azure/lakekey.yml",
    `endpoints: {azure-devops: "${emu.ready["azure-devops"]}"}\n`,
  );
  const { SYSTEM_ACCESSTOKEN, ...env } = job.env;
  // Nothing is fetched: the pipeline's version is the one that is installed.
  const offline = { HOME: user.folder, npm_config_offline: "true", npm_config_update_notifier: "false" };
  return (given) =>
    runPipeline(stepsOf(path, given), {
      cwd: user.folder,
      env: { ...offline, ...env, AZURE_AUTHORITY_HOST: emu.ready.login },
      variables: { "System.AccessToken": SYSTEM_ACCESSTOKEN },
    });
}

const group = async () =>
  (await emu.state()).azure["variable-groups"].find(({ name }) => name === "databricks");

test("the pipeline rotates with no secret, hands the token to a later step, and does neither on a day when nothing is due", async () => {
  const start = await pipeline();
  const first = await start();
  assert.deepEqual(
    first.outcomes,
    { "lakekey rotate": "succeeded", "Use the new token": "succeeded" },
    first.agent.log.join("\n"),
  );
  const token = first.agent.variables.get("catalogToken");
  assert.ok(await works(emu, token));
  assert.match(first.agent.log.at(-1), /^token [0-9a-f]{64} works until \d{4}-/);
  assert.ok(!first.agent.log.join("\n").includes(token));
  const { variables } = await group();
  const [{ "token-id": id }] = await managed();
  // A PAT's id is the hash of its value.
  assert.deepEqual(
    variables.map(({ name, secret, sha256 }) => [name, secret, sha256 === id]),
    [
      ["DATABRICKS_TOKEN", true, true],
      ["OTHER", false, false],
    ],
  );

  const second = await start();
  assert.deepEqual(second.outcomes, { "lakekey rotate": "succeeded", "Use the new token": "skipped" });
  assert.equal(second.agent.variables.get("lakekey.LAKEKEY_OUTCOME"), "not-due");

  const forced = await start({ force: "true" });
  assert.deepEqual(forced.outcomes, { "lakekey rotate": "succeeded", "Use the new token": "succeeded" });
  assert.notEqual(forced.agent.variables.get("catalogToken"), token);
  assert.ok(await works(emu, token), "the old one lives on for the overlap");
});

test("a service connection that the application does not trust fails the step with the code, and no later step runs", async () => {
  const { agent, outcomes } = await (await pipeline({ trusted: false }))();
  assert.deepEqual(outcomes, { "lakekey rotate": "failed", "Use the new token": "skipped" });
  assert.deepEqual(
    agent.issues.map(({ type, code }) => [type, code]),
    [["error", "federated-credential-mismatch"]],
  );
  assert.match(agent.issues[0].message, /sc:\/\/acme\/data\/lakekey/);
  assert.deepEqual(agent.results, ["Failed"]);
});

test("a new service connection, whose tokens Entra ID issues, signs in as an older one does", async () => {
  const { outcomes, agent } = await (await pipeline({ entra: true }))();
  assert.equal(outcomes["lakekey rotate"], "succeeded", agent.log.join("\n"));
});

test("a new service connection that is not trusted is told with the audience that the credential has", async () => {
  const { agent } = await (await pipeline({ entra: true, trusted: false }))();
  const [{ message }] = agent.issues;
  assert.match(message, /\/eid1\/c\/pub\/t\/.*\/sc\//);
  assert.match(message, /the federated credential names "api:\/\/AzureADTokenExchange"/);
});

test("a service connection that no task names fails the step with the code", async () => {
  const { outcomes, agent } = await (await pipeline({ named: false }))();
  assert.equal(outcomes["lakekey rotate"], "failed", agent.log.join("\n"));
  assert.equal(agent.issues[0].code, "service-connection-unreferenced");
});

test("every parameter of the template is explained", () => {
  const readme = readFileSync(join(EXAMPLES, "azure/README.md"), "utf8");
  const names = [
    ...readFileSync(join(EXAMPLES, "azure/rotate.yml"), "utf8").matchAll(/^ {2}- name: (\w+)$/gm),
  ].map(([, name]) => name);
  assert.ok(names.length > 5);
  assert.deepEqual([...readme.matchAll(/^\| `([a-z]\w*)` \|/gm)].map(([, name]) => name), names);
});

test("the ES module hands the token to the program's own function, whose refusal fails the run", async () => {
  take("node/callback.mjs", "callback.mjs");
  let status = 200;
  let held;
  const catalogue = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    if (status === 200) held = JSON.parse(body);
    response.writeHead(status).end();
  });
  await new Promise((resolve) => catalogue.listen(0, "127.0.0.1", resolve));
  try {
    const env = { CATALOG_URL: `http://127.0.0.1:${catalogue.address().port}/token` };
    const { stdout } = await node("callback.mjs", env);
    assert.match(stdout, /^catalog-prod: stored [0-9a-f]{64}, which ends .*Z\ncatalog-prod: rotated\n$/);
    assert.ok(await works(emu, held.token));
    assert.equal((await node("callback.mjs", env)).stdout, "catalog-prod: not-due\n");
    for (const { "token-id": id } of await managed())
      await user.run(
        BINARY,
        ["revoke", "--config", emu.ready.config, "--target", "catalog-prod", "--token-id", id, "--yes"],
        emu.env,
      );
    status = 503;
    await assert.rejects(
      node("callback.mjs", env),
      ({ code, stderr }) => code === 1 && stderr.includes("[sink-failed]"),
    );
  } finally {
    catalogue.close();
  }
});

test("the GitHub secret is written by an App, and the CommonJS program tells its status", async () => {
  const app = await emu.seed({ "github-app": {} });
  values["12345"] = String(app["app-id"]);
  const key = { LAKEKEY_APP_KEY: app["private-key"] };
  take("node/status.cjs", "status.cjs");
  take("node/lakekey.yml", "lakekey.yml");
  await assert.rejects(
    node("status.cjs", key),
    ({ code, stdout }) => code === 1 && stdout === "catalog-prod: overdue\n",
  );

  take("node/github-secret.mjs", "github-secret.mjs");
  const { stdout } = await node("github-secret.mjs", key);
  assert.match(stdout, /^rotated {2}github-secret acme\/data DATABRICKS_TOKEN/);
  assert.deepEqual((await emu.state()).github.secrets.map(({ name }) => name), ["DATABRICKS_TOKEN"]);
  assert.match((await node("status.cjs", key)).stdout, /^catalog-prod: ok, due \d{4}-/);

  user.file("lakekey.yml", "version: 1\ntargets: []\nnonsense: 1\n");
  await assert.rejects(
    node("status.cjs"),
    ({ code, stderr }) => code === 2 && stderr.includes("[config-unknown-key]"),
  );
});

test("the binary accepts every configuration", async () => {
  for (const file of ["azure/lakekey.yml", "node/lakekey.yml"]) {
    const { stdout } = await user.run(BINARY, ["plan", "--matrix", "1", "--config", join(EXAMPLES, file)]);
    assert.deepEqual(JSON.parse(stdout), { include: [{ shard: 0, targets: ["catalog-prod"] }] });
  }
});

test("every program is run", () => {
  const own = readFileSync(join(HERE, "examples.test.js"), "utf8");
  for (const name of readdirSync(join(EXAMPLES, "node")).filter((name) => /\.[cm]js$/.test(name)))
    assert.ok(own.includes(`take("node/${name}"`), name);
});

// What the READMEs tell a user of Node and of Azure Pipelines, followed to the letter in a folder of its own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, test } from "node:test";

import { emulator, works } from "./support/emulator.js";
import { installed, ROOT } from "./support/package.js";
import { connectionsOf, runPipeline, stepsOf } from "./support/pipeline.js";

const WORKSPACE = "https://adb-1234567890123456.7.azuredatabricks.net";
const PRINCIPAL = "11111111-1111-1111-1111-111111111111";

let user, emu, principal;
beforeEach(async () => {
  [user, emu] = await Promise.all([installed(), emulator()]);
  principal = /client-id: (\S+)/.exec(emu.document)[1];
  await emu.seed(
    { principal: { "application-id": principal } },
    { "token-permission": { "service-principal-name": principal } },
  );
});
afterEach(() => emu.stop());

/** Returns the only block of a language in a README's section. */
function block(file, section, language) {
  const text = readFileSync(join(ROOT, file), "utf8").split(/^## /m).find((part) => part.startsWith(section));
  const [found, ...more] = [...text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))];
  assert.deepEqual(more, []);
  return found[1];
}

test("the README's program rotates what lakekey.yml says", async () => {
  user.file("rotate.mjs", block("README.md", "From Node", "js"));
  user.file("lakekey.yml", emu.document);
  assert.equal((await user.run(process.execPath, ["rotate.mjs"], emu.env)).stdout, "catalog-prod rotated \n");
  assert.equal((await user.run(process.execPath, ["rotate.mjs"], emu.env)).stdout, "catalog-prod not-due \n");
  const { stdout } = await user.run("npx", ["lakekey", "status"], { ...emu.env, npm_config_offline: "true" });
  assert.match(stdout, /^catalog-prod {2}ok\n/);
});

test("the README's step rotates as the service connection", async () => {
  const path = user.file("pipeline.yml", block("README.md", "Five minutes for Azure DevOps", "yaml"));
  const references = connectionsOf(stepsOf(path));
  const job = await emu.seed({ azure: { "pipeline-job": { references } } });
  await emu.seed({
    azure: {
      "federated-credential": {
        "client-id": principal,
        name: "pipelines",
        issuer: job.issuer,
        subject: "sc://acme/data/lakekey",
      },
    },
  });
  const auth = `auth: {type: azure-devops-oidc, service-connection-id: ${job["service-connections"].lakekey}}`;
  user.file("lakekey.yml", emu.document.replace(/auth:\n {6}type: azure-client-secret\n.*\n/, `${auth}\n`));
  const { SYSTEM_ACCESSTOKEN, ...env } = job.env;
  const { agent } = await runPipeline(
    stepsOf(path),
    {
      cwd: user.folder,
      env: {
        HOME: user.folder,
        npm_config_offline: "true",
        npm_config_update_notifier: "false",
        ...env,
        LAKEKEY_GITHUB_TOKEN: emu.env.LAKEKEY_GITHUB_TOKEN,
        DATABRICKS_ADMIN_TOKEN: "",
        GRAPH_TOKEN: "",
      },
      variables: { "System.AccessToken": SYSTEM_ACCESSTOKEN },
    },
  );
  assert.equal(agent.variables.get("LAKEKEY_OUTCOME"), "rotated", agent.log.join("\n"));
});

test("the package's README's program gives the token to the catalogue", async () => {
  let held;
  const catalogue = createServer(async (request, response) => {
    held = "";
    for await (const part of request) held += part;
    response.end();
  });
  await new Promise((resolve) => catalogue.listen(0, "127.0.0.1", resolve));
  try {
    user.file(
      "rotate.mjs",
      block("wasm/npm/README.md", "# lakekey", "js")
        .replace(WORKSPACE, emu.ready.workspaces[0])
        .replace(PRINCIPAL, principal),
    );
    const env = {
      ...emu.env,
      AZURE_AUTHORITY_HOST: emu.ready.login,
      CATALOG_URL: `http://127.0.0.1:${catalogue.address().port}`,
    };
    assert.equal((await user.run(process.execPath, ["rotate.mjs"], env)).stdout, "catalog-prod rotated\n");
    assert.ok(await works(emu, held));
  } finally {
    catalogue.close();
  }
});

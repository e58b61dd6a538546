// What lakekey does, done by the official Node clients in their own words, at the services' real names through the
// proxy of the emulator; nothing but environment variables leads them there. Prints one JSON object: for each check
// what came of it.

import { ClientSecretCredential, ManagedIdentityCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { ConfidentialClientApplication } from "@azure/msal-node";
import databricks from "@databricks/sdk-experimental";
import { Client as GraphClient } from "@microsoft/microsoft-graph-client";
import { Octokit } from "@octokit/rest";
import * as devops from "azure-devops-node-api";
import sodium from "libsodium-wrappers";

const { TENANT, CLIENT, SECRET, WORKSPACE, ADMIN_TOKEN, GRAPH_TOKEN, GITHUB_TOKEN, DEVOPS_TOKEN, GROUP, MACHINE } =
  process.env;
const DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default";

const credential = () => new ClientSecretCredential(TENANT, CLIENT, SECRET);
const workspace = () => new databricks.WorkspaceClient({ host: WORKSPACE, token: ADMIN_TOKEN, authType: "pat" });
const graph = () => GraphClient.init({ authProvider: (done) => done(null, GRAPH_TOKEN) });
const octokit = () => new Octokit({ auth: GITHUB_TOKEN });
const place = { owner: "acme", repo: "data" };

const expect = (holds, what) => {
  if (!holds) throw new Error(what);
};

const checks = {
  async "@azure/identity: a client secret"() {
    const { token } = await credential().getToken(DATABRICKS);
    const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    expect(claims.appid === CLIENT && claims.tid === TENANT, `another token: ${JSON.stringify(claims)}`);
  },
  async "@azure/identity: a managed identity"() {
    const { token } = await new ManagedIdentityCredential({ clientId: MACHINE }).getToken(DATABRICKS);
    const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    expect(claims.appid === MACHINE, `another token: ${JSON.stringify(claims)}`);
  },
  async "@azure/msal-node: a client secret"() {
    const application = new ConfidentialClientApplication({
      auth: { clientId: CLIENT, clientSecret: SECRET, authority: `https://login.microsoftonline.com/${TENANT}` },
    });
    const found = await application.acquireTokenByClientCredential({ scopes: [DATABRICKS] });
    expect(found.accessToken, "no token");
  },
  async "@azure/keyvault-secrets: what lakekey wrote, and a new version"() {
    const vault = new SecretClient("https://acme.vault.azure.net", credential());
    const first = await vault.getSecret("databricks-token");
    expect(first.value.startsWith("dapi"), "not what lakekey wrote");
    await vault.setSecret("conformance", "x", { contentType: "text/plain" });
    expect((await vault.getSecret("conformance")).value === "x", "another value");
  },
  async "@databricks/sdk-experimental: tokens, secrets and principals"() {
    const client = workspace();
    const made = await client.tokens.create({ comment: "conformance", lifetime_seconds: 3600 });
    const listed = [];
    for await (const token of client.tokens.list()) listed.push(token.token_id);
    expect(listed.includes(made.token_info.token_id), "the token is not listed");
    await client.tokens.delete({ token_id: made.token_info.token_id });
    const keys = [];
    for await (const secret of client.secrets.listSecrets({ scope: "integrations" })) keys.push(secret.key);
    expect(keys.includes("catalog-token"), `not what lakekey wrote: ${keys}`);
    // This client asks for the first page again and again.
    for await (const one of client.servicePrincipalsV2.list({ filter: `applicationId eq "${CLIENT}"` })) {
      expect(one.applicationId === CLIENT, `another: ${one.applicationId}`);
      return;
    }
    throw new Error("the principal is not found");
  },
  async "@microsoft/microsoft-graph-client: the application, a secret and whom it trusts"() {
    const { value } = await graph().api("/applications").filter(`appId eq '${CLIENT}'`).get();
    expect(value.length === 1, "the application is not found");
    const path = `/applications/${value[0].id}`;
    const made = await graph().api(`${path}/addPassword`).post({ passwordCredential: { displayName: "conformance" } });
    expect(made.secretText, "no secret");
    await graph().api(`${path}/removePassword`).post({ keyId: made.keyId });
    const trust = await graph().api(`${path}/federatedIdentityCredentials`).get();
    expect(Array.isArray(trust.value), "no list");
  },
  async "@octokit/rest with libsodium-wrappers: what lakekey wrote, and another value"() {
    await sodium.ready;
    const client = octokit();
    const found = await client.actions.getRepoSecret({ ...place, secret_name: "DATABRICKS_TOKEN" });
    expect(found.data.updated_at, "no date");
    const { data: key } = await client.actions.getRepoPublicKey(place);
    const sealed = sodium.crypto_box_seal("x", sodium.from_base64(key.key, sodium.base64_variants.ORIGINAL));
    const encrypted_value = sodium.to_base64(sealed, sodium.base64_variants.ORIGINAL);
    const asked = { ...place, secret_name: "CONFORMANCE", encrypted_value, key_id: key.key_id };
    expect((await client.actions.createOrUpdateRepoSecret(asked)).status === 201, "not created");
  },
  async "azure-devops-node-api: the variable group that lakekey wrote"() {
    const api = new devops.WebApi("https://dev.azure.com/acme", devops.getPersonalAccessTokenHandler(DEVOPS_TOKEN));
    const agent = await api.getTaskAgentApi();
    const group = await agent.getVariableGroup("data", Number(GROUP));
    expect(group.variables.DATABRICKS_TOKEN?.isSecret, `not what lakekey wrote: ${Object.keys(group.variables)}`);
    const changed = { ...group, variables: { ...group.variables, CONFORMANCE: { value: "x" } } };
    await agent.updateVariableGroup(changed, Number(GROUP));
    expect((await agent.getVariableGroup("data", Number(GROUP))).variables.CONFORMANCE?.value === "x", "not kept");
  },
};

const came = {};
for (const [name, check] of Object.entries(checks)) {
  if (process.env.ONLY && name !== process.env.ONLY) continue;
  try {
    await check();
    came[name] = null;
  } catch (error) {
    came[name] = `${error?.name}: ${error?.message}`.slice(0, 1000);
  }
}
console.log(JSON.stringify(came));

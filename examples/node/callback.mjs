// An ES module: rotates, and gives the new token to a function of yours.
import process from "node:process";

import { rotate } from "lakekey";

const config = {
  version: 1,
  targets: [
    {
      name: "catalog-prod",
      workspace: "https://adb-1234567890123456.7.azuredatabricks.net",
      principal: { "client-id": "11111111-1111-1111-1111-111111111111" },
      auth: { type: "azure-client-secret", "client-secret": { env: "CATALOG_CLIENT_SECRET" } },
      token: { lifetime: "90d", "renew-before": "30d", overlap: "24h" },
      deliver: [{ type: "callback", name: "catalog" }],
    },
  ],
};

/** Stores the token where it is used; the old one lives until this has resolved, and for the overlap too. */
async function catalog(token, { target, id, expires }) {
  const response = await fetch(process.env.CATALOG_URL, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ target, token }),
  });
  // A rejection, and nothing is revoked.
  if (!response.ok) throw new Error(`the catalogue answers ${response.status}`);
  console.log(`${target}: stored ${id}, which ends ${expires.toISOString()}`);
}

const report = await rotate(config, { sinks: { catalog } });
for (const { name, outcome, error } of report.targets) {
  console.log(`${name}: ${outcome}`);
  if (error) {
    console.error(`${name}: ${error.message} [${error.code}]: ${error.hint}`);
    process.exitCode = 1;
  }
}

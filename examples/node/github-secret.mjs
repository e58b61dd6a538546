// Rotates into a secret of a GitHub repository.
import process from "node:process";

import { rotate } from "lakekey";

const report = await rotate(
  {
    version: 1,
    targets: [
      {
        name: "catalog-prod",
        workspace: "https://adb-1234567890123456.7.azuredatabricks.net",
        principal: { "client-id": "11111111-1111-1111-1111-111111111111" },
        auth: { type: "azure-client-secret", "client-secret": { env: "CATALOG_CLIENT_SECRET" } },
        deliver: [{ type: "github-secret", repository: "acme/data", secret: "DATABRICKS_TOKEN" }],
      },
    ],
    github: { type: "app", "app-id": 12345, "private-key": { env: "LAKEKEY_APP_KEY" } },
  },
  { onEvent: ({ target, step, message }) => console.error(`${target}  ${step}: ${message}`) },
);
const [{ outcome, delivered, error }] = report.targets;
console.log([outcome, ...delivered.map(({ sink }) => sink)].join("  "));
if (error) {
  console.error(`${error.message} [${error.code}]: ${error.hint}`);
  process.exitCode = 1;
}

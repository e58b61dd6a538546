// Reports of made-up fleets, and the page that the binary makes of one.

import { readFileSync } from "node:fs";

const DAY = 86_400_000;
const NOW = Date.parse("2027-01-15T08:00:00Z");
const PAGE = readFileSync(new URL("../../action/src/page/status.html", import.meta.url), "utf8");

const at = (days) => new Date(NOW + days * DAY).toISOString().replace(".000", "");

/** Returns a report of that many targets: in turn one that is well, failed, overdue and due. */
export function fleet(count) {
  const targets = Array.from({ length: count }, (_, index) => {
    const number = String(index).padStart(4, "0");
    const kind = ["ok", "failed", "overdue", "due"][index % 4];
    const due = { ok: 20 + (index % 40), failed: 3, overdue: -18, due: -(index % 10) }[kind];
    const target = {
      name: `target-${number}`,
      outcome: kind,
      credential: {
        kind: "pat", id: `t0ken${number}`, created: at(due - 60), due: at(due), expires: at(due + 30), may: "sql alone",
      },
      delivered: [
        { sink: "github-secret acme/data DATABRICKS_TOKEN", type: "github-secret", written: at(due - 60), holds: kind === "failed" ? "older" : "current" },
        { sink: "key-vault https://acme.vault.azure.net databricks-token", type: "key-vault", written: at(due - 60), holds: "current" },
      ],
      revoked: [],
      "left-over": index % 4 === 1 ? [`0ld${number}`] : [],
      workspace: `https://adb-${7000000000000000 + index}.${index % 20}.azuredatabricks.net`,
      "client-id": "11111111-1111-1111-1111-111111111111",
      requests: 4,
      error: null,
    };
    if (kind === "failed") {
      target.error = { code: "sink-refused", step: "deliver", message: "GitHub answered 422", hint: "ask the admin", "request-id": "A1" };
      target["left-over-details"] = [{ id: `0ld${number}`, why: "its overlap", until: at(1) }];
    }
    return target;
  });
  return { version: 1, command: "status", started: at(0), finished: at(0), targets };
}

/** Puts a report into the page, as `action/src/page/mod.rs` does. */
export function pageOf(report) {
  const data = JSON.stringify(report).replaceAll("<", "\\u003c");
  const [before, after] = PAGE.split(">REPORT</script>");
  return `${before}>${data}</script>${after}`;
}

/** The life of a Databricks credential, from nothing to revoked. */

import type { Code, Step } from "./codes.js";
import type { Config } from "./config.js";

export type * from "./codes.js";
export type * from "./config.js";

/** Names how a target ended. */
export type Outcome =
  | "provisioned"
  | "rotated"
  | "not-due"
  | "yielded"
  | "partial"
  | "failed"
  | "revoked"
  | "ok"
  | "due"
  | "overdue";

/** Says whose fault an error is: the call's, the configuration's, or what lies beyond them. */
export type ErrorClass = "usage" | "configuration" | "target";

/** Says why a step was not done. No text of it holds a credential. */
export interface Failure {
  /** The stable code. */
  code: Code;
  class: ErrorClass;
  /** The step that was refused. */
  step: Step;
  /** What happened, in one line. */
  message: string;
  /** What to do about it. */
  hint: string;
  /** The id under which the service knows the request. */
  "request-id": string | null;
  /** The path of the configuration's key that is at fault. */
  key?: string;
  /** Where in the text of the configuration it stands, from 1. */
  line?: number;
  column?: number;
  /** The status that the service answered with. */
  status?: number;
  /** The service's own code for the refusal. */
  reason?: string;
  /** The same as `request-id`, under a name that can be written with a dot; not part of the JSON. */
  readonly requestId?: string | null;
  /** What a sink has thrown, where that is why; it stays in this process and is not part of the JSON. */
  readonly cause?: unknown;
}

/** Describes a credential without its value. Times are RFC 3339 in UTC. */
export interface Credential {
  kind: "pat" | "client-secret" | "oauth-secret";
  /** The id under which the service knows it. */
  id: string;
  created: string;
  /** When it ends; `null` if never. */
  expires: string | null;
  /** When the next rotation renews it. */
  due: string | null;
  /** What a PAT or an OAuth secret may do; absent where nobody says it. */
  scopes?: "all" | string[];
  /**
   * How that came to be, where the workspace says it: `chosen`, `unwatched`, `watched`, `narrowed-by-use`,
   * `narrowed-by-history`, `not-covered`, or a word that was not known when this was written.
   */
  scoping?: string;
  /** When Databricks narrows it to what it was seen to use, where it is being watched. */
  narrows?: string;
  /** The scopes that it was seen to use so far, where it is being watched. */
  "inferred-scopes"?: string[];
  /** The day on which it was last used, such as `2026-11-24`, where an admin was asked. */
  "last-used"?: string;
  /** The day on which Databricks revokes it if nobody uses it until then, where an admin was asked. */
  "idle-until"?: string;
  /** The same in one sentence. */
  may?: string;
  // The same under names that can be written with a dot; not part of the JSON.
  readonly inferredScopes?: string[];
  readonly lastUsed?: string;
  readonly idleUntil?: string;
}

/** Describes what one place of delivery holds. */
export interface Delivery {
  /** The place: type, place, name. */
  sink: string;
  /** The kind of place, such as `github-secret`. */
  type: string;
  /** When it was last written, where it can say so. */
  written: string | null;
  /** What it holds, as far as it can tell. */
  holds: "current" | "older" | "nothing" | "overwritten" | "unknown";
  /** Who edited it since it was written, where the place cannot tell what was edited. */
  "edited-by"?: string;
  /** `false` where this run was to write it and did not come to it. */
  tried?: boolean;
  /** Why it does not hold the credential. */
  error?: Failure;
  /** The same as `edited-by`; not part of the JSON. */
  readonly editedBy?: string;
}

/** Describes a step that a plan would take, that a run has taken, or that doctor has looked at. */
export interface StepReport {
  step: Step;
  /** `would` in a plan, `done` in a run; the others are doctor's. */
  state: "would" | "done" | "ok" | "refused" | "missing" | "not-checked" | "unknown";
  message: string;
  /** What to do about it. */
  hint?: string;
}

/** Is the former name of {@link StepReport}. */
export type PlannedStep = StepReport;

/** Reports one credential of one target. */
export interface TargetReport {
  name: string;
  outcome: Outcome;
  credential: Credential | null;
  delivered: Delivery[];
  /** The ids of the credentials that this run has revoked. */
  revoked: string[];
  /** The ids of managed credentials that are no longer in use and not revoked yet. */
  "left-over": string[];
  /** Why each of them lives on, and until when. */
  "left-over-details"?: { id: string; why: string; until: string | null }[];
  /** The workspace. */
  workspace?: string;
  /** The principal's application id, as far as it is known. */
  "client-id"?: string;
  /** The time by the clock of the service that dates the credential, which decides. */
  "as-of"?: string;
  /** Until when lakekey can sign in with what is not renewed by itself, as far as that is known. */
  "sign-in-ends"?: { key: string; ends: string; warning?: string }[];
  /** Whether a revocation has listed what it would revoke and waits for `yes`. */
  "confirmation-needed"?: boolean;
  /** How many HTTP requests were sent for this target. */
  requests: number;
  steps?: StepReport[];
  error: Failure | null;
  // The same under names that can be written with a dot; not part of the JSON.
  readonly leftOver: string[];
  readonly leftOverDetails?: { id: string; why: string; until: string | null }[];
  readonly clientId?: string;
  readonly asOf?: string;
  readonly signInEnds?: { key: string; ends: string; warning?: string }[];
  readonly confirmationNeeded?: boolean;
}

/** Reports a run. It holds no credential's value. */
export interface Report {
  version: 1;
  command: "provision" | "rotate" | "status" | "doctor" | "plan" | "revoke";
  started: string;
  finished: string;
  targets: TargetReport[];
  /** Who was told of it. */
  notices?: NoticeReport[];
  /** How many minutes GitHub's limits make of what a plan would write there. */
  "github-minutes"?: number;
  /** Whether the command line would end with 0: nothing failed. Not part of the JSON. */
  readonly ok: boolean;
}

/** Says who was told of a run. */
export interface NoticeReport {
  type: "slack" | "teams" | "webhook" | "heartbeat";
  /** Whether it was taken. */
  sent: boolean;
  /** Of how many things it tells. */
  events: number;
  /** Why it was not taken. */
  error?: Failure;
}

/** Describes one thing that happened to one target. */
export interface Event {
  target: string;
  step: Step;
  phase: "done" | "skipped" | "waiting" | "warning" | "failed";
  message: string;
  error?: Failure;
}

/** Describes the credential that a sink is given. */
export interface SinkInfo {
  /** The name under which the sink stands in the configuration. */
  sink: string;
  target: string;
  /** The credential's id. */
  id: string;
  created: Date;
  /** When the credential ends; `null` if never. */
  expires: Date | null;
}

/**
 * Stores a credential. It takes part in the rotation: as long as it has not resolved, nothing is revoked. A
 * rejection, or no answer within a minute, makes the run `partial`: both credentials go on working and a
 * later run delivers a fresh one. Throw `new LakekeyError({code: "sink-refused", …})` where certainly nothing
 * was stored; the new credential is then revoked.
 */
export type Sink = (value: string, info: SinkInfo) => void | Promise<void>;

/** Is what lakekey uses of Octokit. */
export interface OctokitLike {
  request(route: string, parameters?: Record<string, unknown>): Promise<{ data: unknown }>;
}

/** Holds what every function takes; each has a default. */
export interface Options {
  /** What `{env: NAME}` refers to; `process.env` by default. */
  env?: Readonly<Record<string, string | undefined>>;
  /**
   * Sends the requests; the global `fetch` by default. A proxy or an own certificate authority goes in here.
   */
  fetch?: (url: string, init: any) => Promise<Response>;
  /** Hears what happens. What it throws is ignored. */
  onEvent?: (event: Event) => void;
  /** Hears every secret that the run handles, before anything can be said about it, for a log that masks. */
  onSecret?: (value: string) => void;
  /** Stops the run at its next safe point; what was made and not delivered is rolled back. */
  signal?: AbortSignal;
  /** The functions that `{type: callback, name: …}` refers to. */
  sinks?: Readonly<Record<string, Sink>>;
  /** The names of the targets to serve; all by default. */
  targets?: readonly string[];
  /** Changes nothing; the report says what would be done. */
  dryRun?: boolean;
  /**
   * Throws a `LakekeyError` where the report is not `ok`, with the code of the first failure and the report as
   * `report`; false where left out.
   */
  throwOnFailure?: boolean;
  /** Whether those are told whom the configuration names under `notify`, and the heartbeat is called; `true`. */
  notify?: boolean;
  /**
   * An Octokit to keep GitHub secrets with, such as one with plugins; without it lakekey makes the requests
   * itself. It signs in by itself where the configuration has no `github`.
   */
  octokit?: OctokitLike;
  /**
   * The class of an Octokit, such as that of `@octokit/core`, to do the same with; the configuration's
   * `github` signs in.
   */
  Octokit?: new (options: any) => OctokitLike;
  /** Reads the files that `{file: PATH}` refers to. */
  readFile?: (path: string) => Uint8Array;
  /** Runs the Azure CLI and returns its standard output. */
  azureCli?: (args: string[]) => Promise<Uint8Array>;
  /** Tells the time in milliseconds since 1970. */
  now?: () => number;
  setTimeout?: (callback: () => void, milliseconds: number) => unknown;
  clearTimeout?: (handle: any) => void;
  /** Fills a buffer from a cryptographically secure source. */
  getRandomValues?: (buffer: Uint8Array) => unknown;
}

/** Holds what `rotate` takes besides. */
export interface RotateOptions extends Options {
  /** Renews what is not due too. */
  force?: boolean;
}

/** Holds what `doctor` takes besides. */
export interface DoctorOptions extends Options {
  /**
   * Lists the requests that add the principal to the workspace, its entitlements and its permission, as steps
   * in the state `would`, and sends them with `yes: true`.
   */
  fix?: boolean;
  /** Sends what `fix` lists; false where left out. */
  yes?: boolean;
}

/**
 * Says which credentials `revoke` revokes; exactly one of the four. `targets` must be given. With `yes: false`
 * the report lists what would be revoked, and nothing is.
 */
export type RevokeOptions = Options & { targets: readonly string[]; yes?: boolean } & (
    | { superseded: true; managed?: false; all?: false; tokenId?: undefined }
    | { managed: true; superseded?: false; all?: false; tokenId?: undefined }
    | { all: true; superseded?: false; managed?: false; tokenId?: undefined }
    | { tokenId: string; superseded?: false; managed?: false; all?: false }
  );

/**
 * Is thrown for a wrong call or configuration, before anything is sent. What befalls a target stands in the
 * report.
 */
export class LakekeyError extends Error {
  constructor(parts: {
    code: Code;
    message: string;
    class?: ErrorClass;
    step?: Step;
    hint?: string;
    key?: string;
  });
  readonly name: "LakekeyError";
  readonly code: Code;
  /** `target` unless told. */
  readonly class: ErrorClass;
  readonly step: Step;
  readonly hint: string;
  /** The path of the configuration's key that is at fault. */
  readonly key: string | undefined;
  /** Where in the text of the configuration it stands, from 1. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly requestId: string | undefined;
  /** The whole report, of an error that `throwOnFailure` has thrown. */
  readonly report?: Report;
  /** What a sink has thrown, where that is why. */
  readonly cause?: unknown;
}

/** A configuration: the document of `lakekey.yml` as an object, as YAML or JSON text, or as the bytes of it. */
export type Document = Config | string | Uint8Array;

/**
 * Renews what is due, delivers, verifies, revokes what is superseded.
 *
 * @throws {LakekeyError} a wrong call or configuration, before anything is sent
 * @example
 * const report = await rotate(await readFile("lakekey.yml"));
 * if (!report.ok) process.exitCode = 1;
 */
export function rotate(config: Document, options?: RotateOptions): Promise<Report>;
/**
 * Makes the principal able to use PATs, from nothing, and delivers a first credential.
 *
 * @throws {LakekeyError} a wrong call or configuration, before anything is sent
 * @example
 * const { targets } = await provision(config, { throwOnFailure: true });
 * console.log(targets[0]?.clientId);
 */
export function provision(config: Document, options?: Options): Promise<Report>;
/**
 * Shows every managed credential.
 *
 * @throws {LakekeyError} a wrong call or configuration, before anything is sent
 * @example
 * const late = (await status(config)).targets.filter(({ outcome }) => outcome === "overdue");
 */
export function status(config: Document, options?: Options): Promise<Report>;
/**
 * Walks the procedure; without `fix` it only reads.
 *
 * @throws {LakekeyError} a wrong call or configuration, before anything is sent
 * @example
 * const { targets } = await doctor(config);
 * for (const { state, step, hint } of targets[0]?.steps ?? []) console.log(state, step, hint);
 */
export function doctor(config: Document, options?: DoctorOptions): Promise<Report>;
/**
 * Shows what `provision` and `rotate` would do.
 *
 * @throws {LakekeyError} a wrong call or configuration, before anything is sent
 * @example
 * const { targets } = await plan(config, { targets: ["catalog-*"] });
 */
export function plan(config: Document, options?: Options): Promise<Report>;
/**
 * Revokes credentials, the emergency brake.
 *
 * @throws {LakekeyError} a wrong call or configuration, before anything is sent
 * @example
 * await revoke(config, { targets: ["catalog-prod"], superseded: true });
 */
export function revoke(config: Document, options: RevokeOptions): Promise<Report>;
/** Holds what a check has found, in the order of the document. */
export interface Checked {
  version: 1;
  command: "check";
  targets: [];
  /** The first mistake. */
  error: Failure | null;
  /** What must be corrected. */
  mistakes: Failure[];
  /** What may be meant. */
  warnings: Failure[];
  /** What is read as something else than it is written. */
  notes: { key: string; message: string }[];
}
/**
 * Checks a configuration offline: every mistake at once. With `secrets: false` a variable or file that is not
 * there is a warning.
 *
 * @throws {LakekeyError} a wrong call
 * @example
 * const { mistakes } = await check(await readFile("lakekey.yml"), { secrets: false });
 */
export function check(config: Document, options?: Options & { secrets?: boolean }): Promise<Checked>;
/**
 * Spreads the targets over at most `shards` jobs (256 by default); all targets of a workspace stay together.
 *
 * @throws {LakekeyError} a wrong call or configuration
 * @example
 * console.log(JSON.stringify(await matrix(config, { shards: 20 })));
 */
export function matrix(
  config: Document,
  options?: Options & { shards?: number },
): Promise<{ include: { shard: number; targets: string[] }[] }>;
/**
 * Seals a value for GitHub with a public key of GitHub's, in base64; returns base64.
 *
 * @throws {LakekeyError} `reply-invalid` where the key is none
 * @example
 * const encrypted = sealSecret(key.data.key, value);
 */
export function sealSecret(publicKey: string, value: string): string;

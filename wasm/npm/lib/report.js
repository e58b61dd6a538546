// What programs find beside the documented JSON of a report: nothing of it is enumerable, so that a report
// written as JSON is the binary's.

import { LakekeyError } from "./errors.js";

const camel = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

/** Gives every key with a hyphen a second name that can be written with a dot. */
function named(value) {
  if (value === null || typeof value !== "object") return;
  for (const [key, one] of Object.entries(value)) {
    named(one);
    const name = camel(key);
    if (name !== key && !(name in value))
      Object.defineProperty(value, name, { get: () => value[key], enumerable: false });
  }
}

/** Puts what a sink has thrown beside the error that it has become; it stays in this process. */
function caused(targets, thrown) {
  for (const target of targets) {
    for (const { sink, error } of target.delivered ?? []) {
      const cause = thrown.get(sink.replace(/^callback /, ""));
      for (const one of cause === undefined ? [] : [error, target.error]) {
        if (one && !("cause" in one)) Object.defineProperty(one, "cause", { value: cause, enumerable: false });
      }
    }
  }
}

/** Returns the error that stands for a report in which something failed. */
function failed(report) {
  const target = report.targets.find(({ error }) => error) ?? report.targets.find(({ outcome }) => outcome);
  const place = report.targets.flatMap(({ delivered }) => delivered).find(({ error }) => error);
  const why = target?.error ?? place?.error ?? {
    code: "partial-delivery",
    step: "deliver",
    message: `the run ended as ${target?.outcome}`,
  };
  const error = new LakekeyError({ ...why, message: `${target?.name}: ${why.message}` });
  Object.defineProperty(error, "report", { value: report, enumerable: false });
  if (why.cause !== undefined) Object.defineProperty(error, "cause", { value: why.cause, enumerable: false });
  return error;
}

/** Makes of what the module returns what a program gets. */
export function dressed({ exit, report }, { throwOnFailure = false, thrown }) {
  caused(report.targets, thrown);
  named(report);
  Object.defineProperty(report, "ok", { value: exit === 0, enumerable: false });
  if (throwOnFailure && exit !== 0) throw failed(report);
  return { exit, report };
}

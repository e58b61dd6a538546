// The one error class of the package.

/** Is thrown for a wrong call or configuration; what befalls a target stands in the report instead. */
export class LakekeyError extends Error {
  constructor({ code, class: kind = "target", step = "configure", message, hint = "", key, ...rest }) {
    super(key ? `${key}: ${message}` : message);
    this.name = "LakekeyError";
    this.code = code;
    /** Whose fault it is: the exit status of the command line depends on it. */
    this.class = kind;
    this.step = step;
    this.hint = hint;
    this.key = key;
    /** Where in the text of the configuration it stands, from 1. */
    this.line = rest.line;
    this.column = rest.column;
    /** The message without the key. */
    Object.defineProperty(this, "text", { value: message });
    this.requestId = rest["request-id"] ?? undefined;
  }
}

// Bundlers rename a class whose name stands twice in a bundle.
Object.defineProperty(LakekeyError, "name", { value: "LakekeyError" });

/** Makes the error of a call that the package does not understand. */
export const usage = (message, hint = "see the package's README") =>
  new LakekeyError({ code: "usage-invalid", class: "usage", message, hint });

/** Makes the error of an entry that does not find the module beside itself. */
export const leftBehind = () =>
  usage(
    "lakekey.wasm was not found beside the program",
    "where a bundler has left it behind, copy it there, " +
      'or give it to `init` of "lakekey/init" (see "Bundles" in the package\'s README)',
  );

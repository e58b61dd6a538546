// What the entries and the command line stand on. It is packed as one file of each kind: to Node, each file more is
// a millisecond's start.

export * from "./api.js";
export { azureCliOf } from "./azure-cli.js";
export { leftBehind, usage } from "./errors.js";
export { init } from "./init.js";
export { nodeParts } from "./node.js";

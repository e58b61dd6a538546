/** The module: what it is depends on the bundler (a `WebAssembly.Module`, bytes or a URL). */
declare const module: any;
export default module;

//! Leaves the unwind tables out of a release: since that profile has `panic = "abort"`, nobody reads them,
//! and they are a tenth of a file that is downloaded on every run of a workflow. They come with the compiled
//! standard library, so that no flag of the compiler helps.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=no-unwind-tables.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-T{folder}/no-unwind-tables.ld");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
}

//! Writes the manual pages of the binary and its commands: `cargo run --example man -- FOLDER`.

use std::path::PathBuf;

use clap::CommandFactory as _;
use lakekey::arguments::Arguments;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/man".into()));
    std::fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(Arguments::command(), folder)
}

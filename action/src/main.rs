//! The lakekey binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakekey::dispatch::main()
}

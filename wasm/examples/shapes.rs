//! Prints what the package's declarations are made of: the configuration's JSON Schema, the error codes, the
//! steps.

use std::io::Write as _;

use lakekey_core::{Code, Step};

fn main() -> std::io::Result<()> {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let steps: Vec<&str> = Step::ALL.iter().map(|step| step.as_str()).collect();
    let shapes = serde_json::json!({"schema": lakekey_core::schema(), "codes": codes, "steps": steps});
    writeln!(std::io::stdout(), "{shapes:#}")
}

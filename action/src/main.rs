//! The lakekey binary.
fn main() {}

//! Makes the JavaScript glue of a compiled `lakekey-wasm`: `lakekey-wasm-generator IN.wasm OUT-DIRECTORY`.
//!
//! It is wasm-bindgen's own generator, linked as a library: its command-line package is built with what we do
//! not need.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        eprintln!("usage: lakekey-wasm-generator IN.wasm OUT-DIRECTORY");
        return ExitCode::from(2);
    };
    let mut generator = Bindgen::new();
    generator.input_path(input).out_name("lakekey").omit_default_module_path(true);
    let made = generator.web(true).and_then(|generator| generator.typescript(true).generate(output));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

//! Every input that `fuzz/corpus` keeps, and simple changes of each, through the functions that are fuzzed.

use std::fs;
use std::path::Path;

use lakekey_tests::fuzz::TARGETS;

/// How many changes are made of each input.
const CHANGES: u64 = 12;

/// Changes an input: a byte, a piece left out, a piece twice, an end cut off.
fn changed(input: &[u8], number: u64) -> Vec<u8> {
    // Any numbers will do, as long as they are the same at every run.
    let mix =
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (input.len() as u64).wrapping_mul(0x2545_f491_4f6c_dd1d);
    let place = |shift: u32| usize::try_from(mix.rotate_right(shift) % (input.len() as u64 + 1)).unwrap();
    let (from, to) = (place(7).min(place(23)), place(7).max(place(23)));
    match number % 4 {
        0 => {
            let mut bytes = input.to_vec();
            if let Some(byte) = bytes.get_mut(from) {
                *byte ^= u8::try_from(mix % 255).unwrap() + 1;
            }
            bytes
        }
        1 => [&input[..from], &input[to..]].concat(),
        2 => [&input[..to], &input[from..]].concat(),
        _ => input[..from].to_vec(),
    }
}

#[test]
fn every_input_of_the_corpus_and_changes_of_it_keep_what_must_hold_for_all() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut seen = 0;
        for file in fs::read_dir(corpus.join(name)).unwrap() {
            let input = fs::read(file.unwrap().path()).unwrap();
            target(&input);
            (0..CHANGES).for_each(|number| target(&changed(&input, number)));
            seen += 1;
        }
        assert!(seen > 2, "the corpus of {name} is there");
    }
}

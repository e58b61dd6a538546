//! Draws what a terminal shows: `script/picture` gives it the text with its colours on standard input.

use std::io::{Read as _, Write as _};

use anstyle_svg::Term;

fn main() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    // What is dim is to be read too.
    let drawn =
        Term::new().min_width_px(780).render_svg(text.trim_end()).replace("opacity: 0.4", "opacity: 0.7");
    // Somebody who cannot see it hears what it is.
    let titled = drawn.replacen(
        "xmlns=\"http://www.w3.org/2000/svg\"",
        "role=\"img\" aria-label=\"lakekey rotates a token and shows its status\" \
         xmlns=\"http://www.w3.org/2000/svg\"",
        1,
    );
    std::io::stdout().write_all(titled.as_bytes())
}

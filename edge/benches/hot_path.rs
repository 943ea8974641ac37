//! Does all but the RSA operation of so many requests, for `tests/bench/guard`, which counts the instructions.

mod line;

use self::line::Line;

fn main() {
    // cargo adds a flag of its own.
    let requests = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1);
    let line = Line::new();
    for _ in 0..requests {
        std::hint::black_box(line.all_but_rsa());
    }
}

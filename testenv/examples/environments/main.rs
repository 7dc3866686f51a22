//! How long environments take and what they hold, in process and as processes:
//!
//!     environments in-process [COUNT]       # of portcullis-testenv
//!     environments processes PROGRAM [COUNT] # of `PROGRAM run -- …`
//!
//! Prints figures, and fails if a thread, a file, a port, a directory or a process is left.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement ends at the first surprise, with its place"
)]

mod figures;
mod in_process;
mod left;
mod processes;

use std::process::ExitCode;

/// How many environments run at once, if nothing else is said.
const COUNT: usize = 200;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let count = |text: Option<&&str>| text.map_or(COUNT, |text| text.parse().unwrap());
    match words.as_slice() {
        ["in-process", rest @ ..] => in_process::measure(count(rest.first())),
        ["processes", program, rest @ ..] => processes::measure(program, count(rest.first())),
        // what `processes` has each of its servers run
        ["create"] => processes::create(),
        _ => {
            eprintln!("environments in-process [COUNT] | processes PROGRAM [COUNT]");
            ExitCode::FAILURE
        }
    }
}

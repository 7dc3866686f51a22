//! Writes the schemas of built-in types to a file, compressed: `make schemas`.
#![allow(
    clippy::unwrap_used,
    reason = "a tool for ourselves ends at the first surprise"
)]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use portcullis_kinds::schemas::making;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    let mut compressed = GzEncoder::new(file, Compression::best());
    compressed.write_all(making::text().as_bytes()).unwrap();
    compressed.finish().unwrap();
}

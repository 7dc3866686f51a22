//! Has the linker keep one of functions that are the same: there are many, of types that differ only in
//! their names.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    // there, Rust brings its linker along, which can do it; unless another one was asked for
    let is_our_linker = is("TARGET", "x86_64-unknown-linux-gnu")
        && var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| !flags.contains("link"))
        && var("RUSTC_LINKER").is_err();
    if is_our_linker && is("PROFILE", "release") && !is("OPT_LEVEL", "1") {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}

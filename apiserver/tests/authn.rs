//! Who are you?

mod headers;
mod keys;
mod requests;
mod secrets;
mod tokens;
mod why;

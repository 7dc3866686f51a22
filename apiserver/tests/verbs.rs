//! Each verb, through TLS and the whole chain.

mod delete;
mod list;
mod patch;
mod update;
mod versions;
mod watch;

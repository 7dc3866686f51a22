//! Each verb, through TLS and the whole chain.

mod connect;
mod delete;
mod list;
mod patch;
mod scale;
mod update;
mod versions;
mod watch;

//! What happens before and around the verbs.

mod answers;
mod logging;
mod order;
mod restart;

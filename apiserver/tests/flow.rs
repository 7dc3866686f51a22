//! What happens before and around the verbs.

mod order;
mod restart;

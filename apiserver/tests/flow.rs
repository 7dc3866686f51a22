//! What happens before and around the verbs.

mod answers;
mod order;
mod restart;

//! The error of a decoder that reports to serde.

use std::fmt::{self, Display};

use serde::de;

use crate::decode::DecodeError;

/// The error that serde propagates; the innermost node names the invalid field.
#[derive(Debug)]
pub(in crate::decode) struct Error(pub(super) Box<DecodeError>);

impl Error {
    pub(in crate::decode) fn into_decode_error(self) -> DecodeError {
        *self.0
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(msg: T) -> Self {
        Self(Box::new(DecodeError::Value(msg.to_string())))
    }
}

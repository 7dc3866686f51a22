//! Logging. docs/LOGGING.md says what is logged, and what never is.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::log_fields::TextFields;
use crate::config::LogFormat;

/// The filter of commands that run something else: warnings and errors.
pub const QUIET: &str = "warn";

/// The filter for a verbosity, upstream's `-v`.
pub const fn at(verbosity: u8) -> &'static str {
    match verbosity {
        0 | 1 => {
            "warn,portcullis=info,portcullis_storage=info,portcullis_authn=info,portcullis_admission=info"
        }
        2 | 3 => {
            "info,portcullis=debug,portcullis_storage=debug,portcullis_authn=debug,portcullis_admission=debug"
        }
        4..=7 => "debug",
        _ => "trace",
    }
}

/// Starts logging to standard error. `PORTCULLIS_LOG` overrides the default filter.
pub fn init(default: &str, format: LogFormat) {
    let filter =
        EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first one's log.
    let _ = match format {
        LogFormat::Text => log.fmt_fields(TextFields).try_init(),
        // Lists each span once, outermost first; the current span would repeat the last one.
        LogFormat::Json => log.json().with_current_span(false).try_init(),
    };
}

//! Options about auditing.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portcullis_kinds::duration;

/// Options of `portcullis serve` about auditing.
#[derive(Debug, Args)]
pub struct Audit {
    /// Which requests are audited, and how much of them: a Policy of `audit.k8s.io/v1`.
    #[arg(long)]
    pub audit_policy_file: Option<PathBuf>,
    /// The log.
    #[command(flatten)]
    pub log: AuditLog,
    /// The webhook.
    #[command(flatten)]
    pub webhook: AuditWebhook,
}

/// How a request is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuditLogFormat {
    /// One line of text.
    Legacy,
    /// One JSON object a line.
    Json,
}

/// Options about the audit log.
#[derive(Debug, Args)]
pub struct AuditLog {
    /// The file to which requests are logged; `-` for standard output.
    #[arg(long)]
    pub audit_log_path: Option<PathBuf>,
    /// How a request is logged: `json`, or one line of text with `legacy`.
    #[arg(long, default_value_t = AuditLogFormat::Json, value_enum)]
    pub audit_log_format: AuditLogFormat,
    /// The version of events, of which there is one.
    #[arg(long, default_value = VERSION, value_parser = version)]
    pub audit_log_version: String,
    /// For how many days earlier log files are kept; 0 for ever.
    #[arg(long, default_value_t = 366, allow_hyphen_values = true)]
    pub audit_log_maxage: i64,
    /// How many earlier log files are kept; 0 for any number.
    #[arg(long, default_value_t = 100, allow_hyphen_values = true)]
    pub audit_log_maxbackup: i64,
    /// How large the log file may become, in megabytes, before another takes its place; 0 for any size.
    #[arg(long, default_value_t = 100, allow_hyphen_values = true)]
    pub audit_log_maxsize: i64,
    /// Whether earlier log files are compressed.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub audit_log_compress: bool,
    /// Whether requests wait until they are logged: `batch`, `blocking`, or `blocking-strict`, which rejects
    /// requests that cannot be logged.
    #[arg(long, default_value = "blocking")]
    pub audit_log_mode: String,
    /// How many events may wait to be logged, in batch mode.
    #[arg(long, default_value_t = 10_000, allow_hyphen_values = true)]
    pub audit_log_batch_buffer_size: i64,
    /// How many events are logged together, in batch mode.
    #[arg(long, default_value_t = 1, allow_hyphen_values = true)]
    pub audit_log_batch_max_size: i64,
    /// How long an event waits for others, in batch mode.
    #[arg(long, default_value = "0s", value_parser = span)]
    pub audit_log_batch_max_wait: Duration,
    /// Whether there is a limit to the batches in a second.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub audit_log_batch_throttle_enable: bool,
    /// How many batches are logged in a second, on average.
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    pub audit_log_batch_throttle_qps: f64,
    /// How many batches are logged together after a pause.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    pub audit_log_batch_throttle_burst: i64,
    /// Whether events that are too large lose their objects.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub audit_log_truncate_enabled: bool,
    /// The largest event that is logged whole, in bytes.
    #[arg(long, default_value_t = 102_400, allow_hyphen_values = true)]
    pub audit_log_truncate_max_event_size: i64,
    /// The most bytes of events that are logged at once.
    #[arg(long, default_value_t = 10_485_760, allow_hyphen_values = true)]
    pub audit_log_truncate_max_batch_size: i64,
}

/// Options about the audit webhook.
#[derive(Debug, Args)]
pub struct AuditWebhook {
    /// A kubeconfig of the server that events are sent to.
    #[arg(long)]
    pub audit_webhook_config_file: Option<PathBuf>,
    /// The version of events, of which there is one.
    #[arg(long, default_value = VERSION, value_parser = version)]
    pub audit_webhook_version: String,
    /// How long to wait before the first failed request is tried again.
    #[arg(long, default_value = "10s", value_parser = span, alias = "audit-webhook-batch-initial-backoff")]
    pub audit_webhook_initial_backoff: Duration,
    /// Whether requests wait until they are sent; see `--audit-log-mode`.
    #[arg(long, default_value = "batch")]
    pub audit_webhook_mode: String,
    /// How many events may wait to be sent, in batch mode.
    #[arg(long, default_value_t = 10_000, allow_hyphen_values = true)]
    pub audit_webhook_batch_buffer_size: i64,
    /// How many events are sent together, in batch mode.
    #[arg(long, default_value_t = 400, allow_hyphen_values = true)]
    pub audit_webhook_batch_max_size: i64,
    /// How long an event waits for others, in batch mode.
    #[arg(long, default_value = "30s", value_parser = span)]
    pub audit_webhook_batch_max_wait: Duration,
    /// Whether there is a limit to the batches in a second.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub audit_webhook_batch_throttle_enable: bool,
    /// How many batches are sent in a second, on average.
    #[arg(long, default_value_t = 10.0, allow_hyphen_values = true)]
    pub audit_webhook_batch_throttle_qps: f64,
    /// How many batches are sent together after a pause.
    #[arg(long, default_value_t = 15, allow_hyphen_values = true)]
    pub audit_webhook_batch_throttle_burst: i64,
    /// Whether events that are too large lose their objects.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub audit_webhook_truncate_enabled: bool,
    /// The largest event that is sent whole, in bytes.
    #[arg(long, default_value_t = 102_400, allow_hyphen_values = true)]
    pub audit_webhook_truncate_max_event_size: i64,
    /// The most bytes of events that are sent at once.
    #[arg(long, default_value_t = 10_485_760, allow_hyphen_values = true)]
    pub audit_webhook_truncate_max_batch_size: i64,
}

/// The version of events.
const VERSION: &str = "audit.k8s.io/v1";

fn version(text: &str) -> Result<String, String> {
    match text {
        VERSION => Ok(text.to_owned()),
        _ => Err(format!(
            "invalid group version, allowed versions are [{VERSION:?}]"
        )),
    }
}

/// A duration in Go's notation, of any length.
fn span(text: &str) -> Result<Duration, String> {
    let nanoseconds = duration::parse(text)?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| "must not be negative".to_owned())?;
    Ok(Duration::from_nanos(nanoseconds))
}

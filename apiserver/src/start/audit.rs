//! The audit log, from its options.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/audit.go`, which has the same error texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::StartError;
use super::webhook;
use crate::audit::Auditor;
use crate::audit::backend::{Backend, Mode};
use crate::audit::batch::{self, BatchConfig};
use crate::audit::event::Format;
use crate::audit::log::{Backups, Destination, Log, RotatedFile};
use crate::audit::losses::Losses;
use crate::audit::metrics::AuditMetrics;
use crate::audit::output::Output;
use crate::audit::policy::Policy;
use crate::audit::throttle::Rate;
use crate::audit::webhook::Webhook;
use crate::config::audit::{Audit, AuditLog, AuditLogFormat, AuditWebhook};
use crate::endpoints::body;
use crate::outbound::backoff::Backoff;
use crate::outbound::webhook_client::WebhookClient;

const POLICY: &str = "--audit-policy-file";
const LOG: &str = "--audit-log-path";
const MODES: &str = "batch,blocking,blocking-strict";

/// How many batches may be in transit to the webhook.
const UNDER_WAY: usize = 8;
const DAY: u64 = 24 * 60 * 60;
const MEGABYTE: u64 = 1024 * 1024;

/// The policy and the destinations: read and validated, not yet opened.
pub(super) struct Auditing {
    policy: Policy,
    log: Option<PlannedLog>,
    webhook: Option<PlannedWebhook>,
}

struct PlannedLog {
    path: PathBuf,
    format: Format,
    mode: Mode,
    limit: Option<u64>,
    backups: Backups,
    event_max: Option<usize>,
}

struct PlannedWebhook {
    client: WebhookClient,
    backoff: Backoff,
    mode: Mode,
    event_max: Option<usize>,
}

impl Auditing {
    /// Reads the options.
    ///
    /// # Errors
    /// [`StartError`], which names option and file.
    pub(super) fn of(options: &Audit) -> Result<Option<Self>, StartError> {
        let log = planned_log(&options.log)?;
        let webhook = planned_webhook(&options.webhook)?;
        let Some(path) = &options.audit_policy_file else {
            if log.is_some() || webhook.is_some() {
                let why = "no --audit-policy-file is given";
                tracing::warn!(why, "nothing is audited");
            }
            return Ok(None);
        };
        let policy = read(path)?;
        Ok(Some(Self {
            policy,
            log,
            webhook,
        }))
    }

    /// Opens the log, and starts the tasks that write and send. `None` without a destination.
    ///
    /// # Errors
    /// [`StartError`], if the log cannot be written.
    pub(super) fn start(self, metrics: AuditMetrics) -> Result<Option<Arc<Auditor>>, StartError> {
        let mut backends = Vec::new();
        let mut with_legacy = false;
        if let Some(log) = self.log {
            with_legacy = log.format == Format::Legacy;
            let losses = Arc::new(Losses::new("log", metrics.clone()));
            let opened = open(&log, losses.clone());
            let output = opened
                .map_err(|why| StartError::option(LOG, format!("{}: {why}", log.path.display())))?;
            let stop = CancellationToken::new();
            let backend = Backend::start(Arc::new(output), log.mode, losses, stop);
            backends.push(backend.truncating(log.event_max));
        }
        if let Some(webhook) = self.webhook {
            let losses = Arc::new(Losses::new("webhook", metrics.clone()));
            let stop = CancellationToken::new();
            let output = Webhook::new(webhook.client, webhook.backoff, stop.clone());
            let output: Arc<dyn Output> = Arc::new(output);
            let backend = Backend::start(output, webhook.mode, losses, stop);
            backends.push(backend.truncating(webhook.event_max));
        }
        if backends.is_empty() {
            return Ok(None);
        }
        let auditor = Auditor::new(self.policy, backends, with_legacy, metrics);
        Ok(Some(Arc::new(auditor)))
    }
}

fn read(path: &Path) -> Result<Policy, StartError> {
    let text = std::fs::read(path).map_err(|why| {
        let why = format!("failed to read file path {:?}: {why}", path.display());
        StartError::option(POLICY, format!("loading audit policy file: {why}"))
    })?;
    let policy = match body::yaml(&text) {
        Ok(document) => Policy::read(document).map_err(|why| why.to_string()),
        Err(why) => Err(format!("failed decoding: {}", why.in_go())),
    };
    policy.map_err(|why| {
        let file = path.display();
        StartError::option(
            POLICY,
            format!("loading audit policy file: {why}: from file {file}"),
        )
    })
}

fn open(log: &PlannedLog, losses: Arc<Losses>) -> std::io::Result<Log> {
    let destination = if log.path.as_os_str() == "-" {
        Destination::Stdout
    } else {
        Destination::File(RotatedFile::open(&log.path, log.limit, log.backups)?)
    };
    Log::start(destination, log.format, losses)
}

fn planned_log(options: &AuditLog) -> Result<Option<PlannedLog>, StartError> {
    let path = options.audit_log_path.as_ref();
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(None);
    };
    let number = |option, value: i64| {
        let why = || StartError::option(option, format!("{value} can't be a negative number"));
        let number = u64::try_from(value).map_err(|_| why())?;
        Ok(Some(number).filter(|number| *number > 0))
    };
    let days = number("--audit-log-maxage", options.audit_log_maxage)?;
    let count = number("--audit-log-maxbackup", options.audit_log_maxbackup)?;
    let size = number("--audit-log-maxsize", options.audit_log_maxsize)?;
    let truncation = Truncation {
        option: "--audit-log-truncate-enabled",
        plugin: "log",
        enabled: options.audit_log_truncate_enabled,
        event_max: options.audit_log_truncate_max_event_size,
        batch_max: options.audit_log_truncate_max_batch_size,
    };
    let limits = truncation.limits()?;
    Ok(Some(PlannedLog {
        path: path.clone(),
        format: match options.audit_log_format {
            AuditLogFormat::Legacy => Format::Legacy,
            AuditLogFormat::Json => Format::Json,
        },
        mode: mode("log", "--audit-log-mode", &options.audit_log_mode, || {
            Batches {
                buffer: options.audit_log_batch_buffer_size,
                size: options.audit_log_batch_max_size,
                wait: options.audit_log_batch_max_wait,
                throttled: options.audit_log_batch_throttle_enable,
                per_second: options.audit_log_batch_throttle_qps,
                burst: options.audit_log_batch_throttle_burst,
                // lines stay in order
                under_way: 1,
                bytes: limits.map(|limits| limits.batch_max),
            }
        })?,
        limit: size.map(|megabytes| megabytes.saturating_mul(MEGABYTE)),
        backups: Backups {
            max_age: days.map(|days| Duration::from_secs(days.saturating_mul(DAY))),
            max_count: count.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            compress: options.audit_log_compress,
        },
        event_max: limits.map(|limits| limits.event_max),
    }))
}

fn planned_webhook(options: &AuditWebhook) -> Result<Option<PlannedWebhook>, StartError> {
    let path = options.audit_webhook_config_file.as_ref();
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(None);
    };
    let truncation = Truncation {
        option: "--audit-webhook-truncate-enabled",
        plugin: "webhook",
        enabled: options.audit_webhook_truncate_enabled,
        event_max: options.audit_webhook_truncate_max_event_size,
        batch_max: options.audit_webhook_truncate_max_batch_size,
    };
    let limits = truncation.limits()?;
    let mode = mode(
        "webhook",
        "--audit-webhook-mode",
        &options.audit_webhook_mode,
        || Batches {
            buffer: options.audit_webhook_batch_buffer_size,
            size: options.audit_webhook_batch_max_size,
            wait: options.audit_webhook_batch_max_wait,
            throttled: options.audit_webhook_batch_throttle_enable,
            per_second: options.audit_webhook_batch_throttle_qps,
            burst: options.audit_webhook_batch_throttle_burst,
            under_way: UNDER_WAY,
            bytes: limits.map(|limits| limits.batch_max),
        },
    )?;
    Ok(Some(PlannedWebhook {
        client: webhook::client("--audit-webhook-config-file", path)?,
        backoff: Backoff::new(options.audit_webhook_initial_backoff),
        mode,
        event_max: limits.map(|limits| limits.event_max),
    }))
}

/// What options say of events that are too large, for whichever destination.
struct Truncation {
    option: &'static str,
    plugin: &'static str,
    enabled: bool,
    event_max: i64,
    batch_max: i64,
}

/// Limits in bytes.
#[derive(Clone, Copy)]
struct Limits {
    event_max: usize,
    batch_max: usize,
}

impl Truncation {
    /// The limits, if there are any (upstream: `AuditTruncateOptions.Validate`).
    fn limits(&self) -> Result<Option<Limits>, StartError> {
        if !self.enabled {
            return Ok(None);
        }
        let Self {
            plugin,
            event_max,
            batch_max,
            ..
        } = *self;
        let invalid = format!("invalid audit truncate {plugin} max");
        let positive = usize::try_from(event_max).ok().filter(|max| *max > 0);
        let wrong = |why| StartError::option(self.option, why);
        let Some(event) = positive else {
            let why = format!("{invalid} event size {event_max}, must be a positive number");
            return Err(wrong(why));
        };
        match usize::try_from(batch_max).ok().filter(|max| *max >= event) {
            Some(batch) => Ok(Some(Limits {
                event_max: event,
                batch_max: batch,
            })),
            None => Err(wrong(format!(
                "{invalid} batch size {batch_max}, must be greater than max event size ({event_max})"
            ))),
        }
    }
}

/// What options say of batches, for whichever destination.
struct Batches {
    buffer: i64,
    size: i64,
    wait: Duration,
    throttled: bool,
    per_second: f64,
    burst: i64,
    under_way: usize,
    /// The most bytes of a batch, if they say.
    bytes: Option<usize>,
}

fn mode(
    plugin: &str,
    option: &'static str,
    name: &str,
    batches: impl FnOnce() -> Batches,
) -> Result<Mode, StartError> {
    match name {
        "blocking" => Ok(Mode::Blocking),
        "blocking-strict" => Ok(Mode::BlockingStrict),
        "batch" => config(plugin, &batches())
            .map(Mode::Batch)
            .map_err(|why| StartError::option(option, why)),
        _ => Err(StartError::option(
            option,
            format!("invalid audit {plugin} mode {name}, allowed modes are {MODES:?}"),
        )),
    }
}

fn config(plugin: &str, batches: &Batches) -> Result<BatchConfig, String> {
    let positive = |what: &str, value: i64| {
        let number = usize::try_from(value).ok().filter(|number| *number > 0);
        number.ok_or_else(|| {
            format!("invalid audit batch {plugin} {what} {value}, must be a positive number")
        })
    };
    let rate = || {
        let per_second = batches.per_second;
        if per_second.is_nan() || per_second <= 0.0 {
            return Err(format!(
                "invalid audit batch {plugin} throttle QPS {per_second}, must be a positive number"
            ));
        }
        let burst = positive("throttle burst", batches.burst)?;
        Ok(Rate {
            per_second,
            burst: f64::from(u32::try_from(burst).unwrap_or(u32::MAX)),
        })
    };
    Ok(BatchConfig {
        buffer: positive("buffer size", batches.buffer)?.min(BUFFER_MAX),
        size: positive("max batch size", batches.size)?,
        wait: batches.wait,
        rate: batches.throttled.then(rate).transpose()?,
        under_way: batches.under_way,
        bytes: batches.bytes.unwrap_or(batch::BYTES).min(batch::BYTES),
    })
}

/// The most events that may wait: their memory has a bound as well.
const BUFFER_MAX: usize = 1_000_000;

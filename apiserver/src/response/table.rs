//! Tables: the columns of a kind and a row for each object, as kubectl prints them.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/response.go` and `k8s.io/kubernetes/pkg/printers`.

use jiff::Timestamp;
use portcullis_api::{FieldError, Path, Status};
use portcullis_storage::{Entry, Revision};
use serde_json::{Value, json};

use super::accept::MetaVersion;
use super::metadata::{ListMeta, write_metadata};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::strategy::{Cell, ColumnView};
use portcullis_registry::codec::Renderer;
use portcullis_registry::facts::Facts;

/// What a row carries of its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl IncludeObject {
    /// Reads `?includeObject=`.
    ///
    /// # Errors
    /// 400, in upstream's words.
    pub fn parse(text: &str) -> Result<Self, Status> {
        match text {
            "" | "Metadata" => Ok(Self::Metadata),
            "Object" => Ok(Self::Object),
            "None" => Ok(Self::None),
            other => {
                let error = FieldError::invalid(
                    &Path::new("includeObject"),
                    other,
                    "must be 'Metadata', 'Object', 'None', or empty",
                );
                Err(Status::bad_request(format!(
                    "Unable to convert to Table as requested: {error}"
                )))
            }
        }
    }
}

/// How the rows of a Table are made.
pub struct Rows<'r> {
    /// The resource whose columns these are.
    pub resource: &'r Resource,
    /// What a row carries of its object.
    pub include: IncludeObject,
    /// For whole objects.
    pub renderer: Renderer<'r>,
    /// The version of the Table.
    pub version: MetaVersion,
}

impl Rows<'_> {
    /// Appends a Table. Watches send the columns with the first one only.
    ///
    /// # Errors
    /// A 500 that names the key of an entry that cannot be read.
    pub fn write_table<'e>(
        &self,
        entries: impl Iterator<Item = (&'e Entry, Revision)>,
        meta: &ListMeta,
        with_columns: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let head = format!(
            r#"{{"kind":"Table","apiVersion":"{}","metadata":"#,
            self.version.api_version()
        );
        out.extend_from_slice(head.as_bytes());
        meta.write(out);
        out.extend_from_slice(b",\"columnDefinitions\":");
        let columns = if with_columns {
            columns(self.resource, self.renderer.api_version())
        } else {
            Value::Null
        };
        out.extend_from_slice(columns.to_string().as_bytes());
        out.extend_from_slice(b",\"rows\":[");
        let now = Timestamp::now();
        for (at, (entry, revision)) in entries.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write_row(entry, revision, now, out)?;
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }

    fn write_row(
        &self,
        entry: &Entry,
        revision: Revision,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let facts = Facts::of(self.resource, entry)?;
        out.extend_from_slice(b"{\"cells\":[");
        let cells = facts.cells(self.resource, entry)?;
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(cell_value(cell, now).to_string().as_bytes());
        }
        out.extend_from_slice(b"]");
        match self.include {
            IncludeObject::None => {}
            IncludeObject::Metadata => {
                out.extend_from_slice(b",\"object\":");
                write_metadata(&self.renderer, entry, revision, self.version, out)?;
            }
            IncludeObject::Object => {
                out.extend_from_slice(b",\"object\":");
                self.renderer.write_object(entry, revision, out)?;
            }
        }
        out.push(b'}');
        Ok(())
    }
}

fn columns(resource: &Resource, api_version: &str) -> Value {
    let column = |c: ColumnView<'_>| json!({"name": c.name, "type": c.kind, "format": c.format, "description": c.description, "priority": c.priority});
    let columns = resource.strategy.table_columns(api_version);
    columns.into_iter().map(column).collect()
}

fn cell_value(cell: &Cell, now: Timestamp) -> Value {
    match cell {
        Cell::Value(value) => value.clone(),
        Cell::Since(None) => "<unknown>".into(),
        Cell::CountSince(count, since) => format!(
            "{count} ({} ago)",
            age(now.duration_since(*since).as_secs())
        )
        .into(),
        Cell::Between(start, end) => age(end.duration_since(*start).as_secs()).into(),
        Cell::Since(Some(since)) => age(now.duration_since(*since).as_secs()).into(),
    }
}

/// A duration as upstream's `duration.HumanDuration` abbreviates it.
fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    };
    match seconds {
        // clocks differ a little
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, "m", s % MINUTE, "s"),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, "h", s % HOUR / MINUTE, "m"),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, "d", s % DAY / HOUR, "h"),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s / YEAR, "y", s % YEAR / DAY, "d"),
        s => format!("{}y", s / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_abbreviated_as_upstream() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (63_071_999, "729d"),
            (63_072_000, "2y"),
            (70_000_000, "2y80d"),
            (252_288_000, "8y"),
        ] {
            assert_eq!(age(seconds), text, "{seconds}");
        }
    }
}

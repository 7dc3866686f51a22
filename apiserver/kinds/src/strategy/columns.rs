//! The columns of a kind's Table, and their cells.

use jiff::Timestamp;
use portcullis_api::Object;
use serde_json::Value;

/// A column of a Table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The title, which kubectl writes in capitals.
    pub name: &'static str,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: &'static str,
    /// `name` for the object's name, else empty.
    pub format: &'static str,
    /// The description.
    pub description: &'static str,
    /// Zero is always shown, anything else only with `-o wide`.
    pub priority: i32,
}

/// A column with borrowed texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnView<'a> {
    /// See [`Column::name`].
    pub name: &'a str,
    /// See [`Column::kind`].
    pub kind: &'a str,
    /// See [`Column::format`].
    pub format: &'a str,
    /// See [`Column::description`].
    pub description: &'a str,
    /// See [`Column::priority`].
    pub priority: i32,
}

impl Column {
    /// The column in the form of Tables.
    pub const fn view(&self) -> ColumnView<'static> {
        ColumnView {
            name: self.name,
            kind: self.kind,
            format: self.format,
            description: self.description,
            priority: self.priority,
        }
    }

    /// The column of the object's name.
    pub const NAME: Self = Self {
        name: "Name",
        kind: "string",
        format: "name",
        description: "The name, unique among objects of the kind in a namespace.",
        priority: 0,
    };

    /// The column of the object's age.
    pub const AGE: Self = Self::text("Age", "The time since the object was made.");

    /// A column of text.
    pub const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: "string",
            format: "",
            description,
            priority: 0,
        }
    }

    /// A column of whole numbers.
    pub const fn integer(name: &'static str, description: &'static str) -> Self {
        Self {
            kind: "integer",
            ..Self::text(name, description)
        }
    }

    /// The column, shown only with `-o wide`.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self {
            priority: 1,
            ..self
        }
    }
}

pub(super) static DEFAULT_COLUMNS: [Column; 2] = [
    Column::NAME,
    Column {
        name: "Created At",
        kind: "date",
        ..Column::AGE
    },
];

/// A cell of a Table. An age is kept as the time it counts from, so that rows can be cached.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A fixed value.
    Value(Value),
    /// The time since then, as kubectl abbreviates it; `<unknown>` without one.
    Since(Option<Timestamp>),
    /// A number, and the time since it last grew: `3 (5m ago)`.
    CountSince(i64, Timestamp),
    /// The time from one moment to another, as kubectl abbreviates it.
    Between(Timestamp, Timestamp),
}

impl Cell {
    /// The object's name.
    pub fn name(object: &dyn Object) -> Self {
        Self::text(object.metadata().name.as_deref().unwrap_or_default())
    }

    /// The time since the object was made.
    pub fn age(object: &dyn Object) -> Self {
        Self::Since(object.metadata().creation_timestamp.as_ref().map(|t| t.0))
    }

    /// When the object was made, as the tables of kinds without columns of their own show it (upstream:
    /// `defaultTableConvertor` in `k8s.io/apiserver/pkg/registry/rest/table.go`).
    pub fn created(object: &dyn Object) -> Self {
        let time = object.metadata().creation_timestamp.as_ref();
        // Go's zero time
        Self::text(time.map_or("0001-01-01T00:00:00Z".to_owned(), |time| {
            time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        }))
    }

    /// Text.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Value(Value::String(value.into()))
    }

    /// A whole number.
    pub fn integer(value: i64) -> Self {
        Self::Value(value.into())
    }

    /// A number of elements.
    pub fn count(value: usize) -> Self {
        Self::Value(value.into())
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::ClusterRole;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    #[test]
    fn kinds_without_columns_of_their_own_show_when_objects_were_made() {
        let mut role = ClusterRole::default();
        assert_eq!(Cell::created(&role), Cell::text("0001-01-01T00:00:00Z"));
        let time = Timestamp::from_second(1_600_000_000).unwrap();
        role.metadata.creation_timestamp = Some(Time(time));
        assert_eq!(Cell::created(&role), Cell::text("2020-09-13T12:26:40Z"));
    }
}

//! The options of a request, from its query.
//!
//! Upstream: `k8s.io/apimachinery/pkg/apis/meta/v1/{types,conversion,validation}.go`.

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::selector::{FieldSelector, LabelSelector};
use portcullis_api::{ErrorList, FieldError, GroupKind, Path, Status};
use portcullis_storage::{ReadAt, Revision};

use crate::request::Query;
use portcullis_kinds::resource::Resource;
use portcullis_registry::collection::{ContinueToken, ListQuery};
use portcullis_registry::facts::Selection;
use portcullis_registry::watch::WatchFrom;

/// The longest name of a field manager.
const FIELD_MANAGER_MAX: usize = 128;

/// Checks the values of `dryRun` together, as upstream does.
pub(super) fn dry_run_errors(values: &[&str]) -> ErrorList {
    if values.iter().all(|v| *v == "All") {
        return ErrorList::new();
    }
    let quoted: Vec<_> = values.iter().map(|v| go_quote(v)).collect();
    let shown = BadValue::go(format!("[]string{{{}}}", quoted.join(", ")));
    vec![FieldError::not_supported(
        &Path::new("dryRun"),
        shown,
        &["All"],
    )]
}

/// How unknown and duplicate fields are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them, with a warning.
    Warn,
    /// Reject them.
    Strict,
}

impl Query {
    /// Whether the write is a dry run, and how unknown fields are handled.
    ///
    /// # Errors
    /// 422 for values that upstream rejects, naming the options by `kind`.
    pub fn write_options(&self, kind: &str) -> Result<(bool, FieldValidation), Status> {
        let mut errors = dry_run_errors(&self.all("dryRun").collect::<Vec<_>>());
        if self.get("fieldManager").len() > FIELD_MANAGER_MAX {
            errors.push(FieldError::too_long(
                &Path::new("fieldManager"),
                FIELD_MANAGER_MAX,
            ));
        }
        let validation = match self.get("fieldValidation") {
            "Ignore" => FieldValidation::Ignore,
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            other => {
                let supported = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported(
                    &Path::new("fieldValidation"),
                    other,
                    &supported,
                ));
                FieldValidation::Strict
            }
        };
        invalid_unless_empty(kind, &errors)?;
        Ok((!self.get("dryRun").is_empty(), validation))
    }

    /// The selection of a collection's objects; `name` if the URL names one.
    ///
    /// # Errors
    /// 400 for selectors that cannot be parsed, or fields the resource cannot be selected by.
    pub fn selection(&self, resource: &Resource, api_version: &str) -> Result<Selection, Status> {
        let bad = |e: portcullis_api::selector::SelectorError| Status::bad_request(e.to_string());
        let labels = LabelSelector::parse(self.get("labelSelector")).map_err(bad)?;
        let mut fields = FieldSelector::parse(self.get("fieldSelector")).map_err(bad)?;
        let renamed = resource
            .conversion(api_version)
            .map_or(&[][..], |c| c.fields);
        let known = resource.strategy.selectable_fields();
        for requirement in &mut fields.requirements {
            match renamed.iter().find(|(name, _)| *name == requirement.field) {
                Some((_, stored)) => requirement.field = (*stored).to_owned(),
                None if known.contains(&requirement.field.as_str()) && !renamed.is_empty() => {
                    return Err(unknown_field(&requirement.field, known));
                }
                None => {}
            }
            let field = requirement.field.as_str();
            let metadata =
                field == "metadata.name" || (field == "metadata.namespace" && resource.namespaced);
            if !metadata && !known.contains(&field) {
                return Err(unknown_field(field, known));
            }
        }
        Ok(Selection { labels, fields })
    }

    /// The options of a list.
    ///
    /// # Errors
    /// As [`Query::selection`]; 400 and 422 for contradictory versions and pages.
    pub fn list(&self, resource: &Resource, api_version: &str) -> Result<ListQuery, Status> {
        let (_, limit) = self.list_numbers()?;
        let limit = usize::try_from(limit.unwrap_or_default().max(0)).unwrap_or(usize::MAX);
        self.check_version_match(false)?;
        let version = self.get("resourceVersion");
        let continues = match self.get("continue") {
            "" => None,
            token => Some(ContinueToken::parse(token)?),
        };
        if continues.is_some() && !matches!(version, "" | "0") {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let at = match (parse_version(version)?, self.get("resourceVersionMatch")) {
            (None, _) => ReadAt::Latest,
            (Some(n), "Exact") => ReadAt::Exactly(n),
            // before there was a match parameter, a page at a version was at exactly that version
            (Some(n), "") if n > 0 && limit > 0 => ReadAt::Exactly(n),
            (Some(n), _) => ReadAt::NotOlderThan(n),
        };
        Ok(ListQuery {
            selection: self.selection(resource, api_version)?,
            at,
            limit,
            continues,
        })
    }

    /// `timeoutSeconds` and `limit`: each matters to a list or to a watch alone, and is an option of both.
    ///
    /// # Errors
    /// As [`Query::number`].
    pub fn list_numbers(&self) -> Result<(Option<i64>, Option<i64>), Status> {
        Ok((self.number("timeoutSeconds")?, self.number("limit")?))
    }

    /// The required freshness of a single object.
    ///
    /// # Errors
    /// 400 if the version is not a number.
    pub fn read_at(&self) -> Result<ReadAt, Status> {
        Ok(
            parse_version(self.get("resourceVersion"))?
                .map_or(ReadAt::Latest, ReadAt::NotOlderThan),
        )
    }

    /// Where a watch begins, and whether it marks the end of its initial events.
    ///
    /// # Errors
    /// 400 and 422 for contradictory versions.
    pub fn watch_from(&self) -> Result<(WatchFrom, bool), Status> {
        self.check_version_match(true)?;
        let version = parse_version(self.get("resourceVersion"))?;
        let streaming = self.flag("sendInitialEvents");
        let from = match version {
            Some(n) if n > 0 && streaming => WatchFrom::Start(ReadAt::NotOlderThan(n)),
            Some(0) => WatchFrom::Start(ReadAt::NotOlderThan(0)),
            None => WatchFrom::Start(ReadAt::Latest),
            Some(n) => WatchFrom::After(n),
        };
        Ok((from, streaming))
    }

    /// Upstream: `ValidateListOptions` in `k8s.io/apimachinery/pkg/apis/meta/internalversion/validation`.
    fn check_version_match(&self, watch: bool) -> Result<(), Status> {
        let path = Path::new("resourceVersionMatch");
        let (version, matching) = (
            self.get("resourceVersion"),
            self.get("resourceVersionMatch"),
        );
        let mut errors = ErrorList::new();
        let forbidden = |why: &str| FieldError::forbidden(&path, why);
        if watch && self.flag("sendInitialEvents") {
            if matching != "NotOlderThan" {
                let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                errors.push(forbidden(why));
            }
            return invalid_unless_empty("ListOptions", &errors);
        }
        if !matching.is_empty() {
            if watch {
                errors.push(forbidden("resourceVersionMatch is forbidden for watch"));
            }
            if version.is_empty() {
                errors.push(forbidden(
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            }
            if !self.get("continue").is_empty() {
                errors.push(forbidden(
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                errors.push(FieldError::not_supported(
                    &path,
                    matching,
                    &["Exact", "NotOlderThan", ""],
                ));
            }
            if matching == "Exact" && version == "0" {
                errors.push(forbidden(
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                ));
            }
        }
        invalid_unless_empty("ListOptions", &errors)
    }
}

/// A 422 about the options of a request.
///
/// # Errors
/// That 422, if there are any errors.
pub fn invalid_unless_empty(kind: &str, errors: &[FieldError]) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(
        GroupKind {
            group: "meta.k8s.io",
            kind,
        },
        "",
        errors,
    ))
}

fn unknown_field(field: &str, known: &[&str]) -> Status {
    // kinds with their own selectable fields have their own text upstream
    Status::bad_request(if known.is_empty() {
        format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )
    } else {
        format!("field label not supported: {field}")
    })
}

fn parse_version(text: &str) -> Result<Option<Revision>, Status> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Status::bad_request(format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"))
        }),
    }
}

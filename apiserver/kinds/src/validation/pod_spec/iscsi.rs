//! Disks reached over iSCSI.

use k8s_openapi::api::core::v1::{ISCSIVolumeSource, Volume};
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::{OneOf, required};
use super::volume_sources::validate_lun;

/// The longest `<volume>:<portal>`, from which an initiator's node name is made.
const PORTAL_MAX: usize = 64;
const PORTAL: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
const PREFIX: &str = "must be valid format starting with iqn, eui, or naa";
const FORMAT: &str = "must be valid format";

/// In a pod.
pub(super) fn iscsi(v: &Volume, of: &mut OneOf<'_>) {
    of.field("iscsi", v.iscsi.as_ref(), |source, path, errors| {
        validate(source, PREFIX, path, errors);
    });
    if v.iscsi.as_ref().is_some_and(|s| is_too_long(s, &v.name)) {
        of.refuse(|path| FieldError::invalid(&path.child("name"), &v.name, PORTAL));
    }
}

/// In a persistent volume: here a secret must have a name, and texts and paths differ.
pub(super) fn persistent_iscsi(v: &Volume, of: &mut OneOf<'_>) {
    of.field("iscsi", v.iscsi.as_ref(), |source, path, errors| {
        if is_too_long(source, &v.name) {
            let path = path.child("targetportal");
            errors.push(FieldError::invalid(&path, &source.target_portal, PORTAL));
        }
        validate(source, FORMAT, path, errors);
        if let Some(secret) = &source.secret_ref {
            let path = path.child("secretRef").child("name");
            required(Some(&secret.name), &path, errors);
        }
    });
}

fn is_too_long(source: &ISCSIVolumeSource, volume: &str) -> bool {
    let length = volume.len() + ":".len() + source.target_portal.len();
    source.initiator_name.is_some() && length > PORTAL_MAX
}

fn validate(source: &ISCSIVolumeSource, prefix: &str, path: &Path, errors: &mut ErrorList) {
    let portal = &source.target_portal;
    required(Some(portal), &path.child("targetPortal"), errors);
    let iqn_path = path.child("iqn");
    required(Some(&source.iqn), &iqn_path, errors);
    if !source.iqn.is_empty() {
        validate_name(&source.iqn, prefix, &iqn_path, errors);
    }
    validate_lun(source.lun, path, errors);
    let authenticated =
        source.chap_auth_discovery == Some(true) || source.chap_auth_session == Some(true);
    if authenticated && source.secret_ref.is_none() {
        errors.push(FieldError::required(&path.child("secretRef"), ""));
    }
    if let Some(initiator) = &source.initiator_name {
        validate_name(initiator, prefix, &path.child("initiatorname"), errors);
    }
}

/// The name of a node: `iqn.2001-04.com.example:disk`, `eui.` or `naa.` and digits.
fn validate_name(name: &str, prefix: &str, path: &Path, errors: &mut ErrorList) {
    let digits = |rest: &str, count: usize| {
        let mut characters = rest.chars();
        let any = characters.next().is_some();
        let digits = characters.as_str();
        any && digits.len() == count && digits.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let detail = if name.starts_with("iqn") {
        let fine = name
            .match_indices("iqn.")
            .any(|(at, iqn)| is_qualified(&name[at + iqn.len()..]));
        (!fine).then_some(FORMAT)
    } else if let Some(rest) = name.strip_prefix("eui") {
        (!digits(rest, 16)).then_some(FORMAT)
    } else if let Some(rest) = name.strip_prefix("naa") {
        (!digits(rest, 32)).then_some(FORMAT)
    } else {
        Some(prefix)
    };
    if let Some(detail) = detail {
        errors.push(FieldError::invalid(path, name, detail));
    }
}

/// A name such as `2001-04.com.example:disk`: a date, a domain, and a name in it.
fn is_qualified(name: &str) -> bool {
    let Some((month, rest)) = name.split_once('.') else {
        return false;
    };
    let Some((year, month)) = month.split_once('-') else {
        return false;
    };
    let number =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let Some((domain, which)) = rest.split_once(':') else {
        return false;
    };
    let in_domain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    number(year, 4)
        && number(month, 2)
        && !domain.is_empty()
        && domain.bytes().all(in_domain)
        && !which.is_empty()
        && !which.contains(|c: char| c.is_ascii_whitespace() || ",;*&$|".contains(c))
}

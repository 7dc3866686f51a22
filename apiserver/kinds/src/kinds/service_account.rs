//! Service accounts: the identities of pods.

use k8s_openapi::api::core::v1::{ObjectReference, ServiceAccount};

use crate::strategy::{Cell, Column, Strategy};

/// The rules of service accounts (upstream: `pkg/registry/core/serviceaccount/strategy.go`).
pub struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    type Kind = ServiceAccount;

    fn prepare_for_create(&self, account: &mut ServiceAccount) {
        keep_names_of_secrets(account);
    }

    fn prepare_for_update(&self, account: &mut ServiceAccount, _: &ServiceAccount) {
        keep_names_of_secrets(account);
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "Secrets",
                "Secrets is the list of secrets allowed to be used by pods running using this ServiceAccount. More info: https://kubernetes.io/docs/concepts/configuration/secret",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, account: &ServiceAccount) -> Vec<Cell> {
        vec![
            Cell::name(account),
            Cell::count(account.secrets.as_ref().map_or(0, Vec::len)),
            Cell::age(account),
        ]
    }
}

/// Only the names in references to secrets are kept.
fn keep_names_of_secrets(account: &mut ServiceAccount) {
    for secret in account.secrets.iter_mut().flatten() {
        *secret = ObjectReference {
            name: secret.name.take(),
            ..ObjectReference::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_secrets_keep_the_name_alone() {
        let mut account = ServiceAccount {
            secrets: Some(vec![ObjectReference {
                name: Some("token".into()),
                kind: Some("Secret".into()),
                ..ObjectReference::default()
            }]),
            ..ServiceAccount::default()
        };
        ServiceAccountStrategy.prepare_for_create(&mut account);
        let secrets = account.secrets.unwrap_or_default();
        assert_eq!(secrets[0].name.as_deref(), Some("token"));
        assert_eq!(secrets[0].kind, None);
    }
}

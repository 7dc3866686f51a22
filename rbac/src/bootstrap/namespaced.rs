//! Roles and bindings in `kube-system` and `kube-public`.

use super::KUBE_SYSTEM;
use super::table::{BindingSpec, CORE, EVENTS, READ, RoleSpec, SubjectSpec, bind, on, role};

const KUBE_PUBLIC: &str = "kube-public";
const BOOTSTRAP_SIGNER: &str = "system:controller:bootstrap-signer";
const CLOUD_PROVIDER: &str = "system:controller:cloud-provider";
const TOKEN_CLEANER: &str = "system:controller:token-cleaner";
const AUTHENTICATION_READER: &str = "extension-apiserver-authentication-reader";
const LEADING_CONTROLLER_MANAGER: &str = "system::leader-locking-kube-controller-manager";
const LEADING_SCHEDULER: &str = "system::leader-locking-kube-scheduler";

/// Namespace and role.
pub(super) const ROLES: &[(&str, RoleSpec)] = &[
    (
        KUBE_SYSTEM,
        role(
            AUTHENTICATION_READER,
            &[on(READ, CORE, "configmaps").named("extension-apiserver-authentication")],
        ),
    ),
    (
        KUBE_SYSTEM,
        role(BOOTSTRAP_SIGNER, &[on(READ, CORE, "secrets")]),
    ),
    (
        KUBE_SYSTEM,
        role(
            CLOUD_PROVIDER,
            &[on("create get list watch", CORE, "configmaps")],
        ),
    ),
    (
        KUBE_SYSTEM,
        role(
            TOKEN_CLEANER,
            &[on("delete get list watch", CORE, "secrets"), EVENTS],
        ),
    ),
    (
        KUBE_SYSTEM,
        role(
            LEADING_CONTROLLER_MANAGER,
            &[
                on("watch", CORE, "configmaps"),
                on("get update", CORE, "configmaps").named("kube-controller-manager"),
            ],
        ),
    ),
    (
        KUBE_SYSTEM,
        role(
            LEADING_SCHEDULER,
            &[
                on("watch", CORE, "configmaps"),
                on("get update", CORE, "configmaps").named("kube-scheduler"),
            ],
        ),
    ),
    (
        KUBE_PUBLIC,
        role(
            BOOTSTRAP_SIGNER,
            &[
                on(READ, CORE, "configmaps"),
                on("update", CORE, "configmaps").named("cluster-info"),
                EVENTS,
            ],
        ),
    ),
];

const CONTROLLER_MANAGER: SubjectSpec = SubjectSpec::User("system:kube-controller-manager");
const SCHEDULER: SubjectSpec = SubjectSpec::User("system:kube-scheduler");

/// Namespace and binding.
pub(super) const BINDINGS: &[(&str, BindingSpec)] = &[
    (
        KUBE_SYSTEM,
        BindingSpec {
            name: "system::extension-apiserver-authentication-reader",
            role: AUTHENTICATION_READER,
            to: &[CONTROLLER_MANAGER, SCHEDULER],
        },
    ),
    (
        KUBE_SYSTEM,
        bind(
            LEADING_CONTROLLER_MANAGER,
            &[
                CONTROLLER_MANAGER,
                SubjectSpec::Account("kube-controller-manager"),
            ],
        ),
    ),
    (
        KUBE_SYSTEM,
        bind(
            LEADING_SCHEDULER,
            &[SCHEDULER, SubjectSpec::Account("kube-scheduler")],
        ),
    ),
    (
        KUBE_SYSTEM,
        bind(
            BOOTSTRAP_SIGNER,
            &[SubjectSpec::Account("bootstrap-signer")],
        ),
    ),
    (
        KUBE_SYSTEM,
        bind(CLOUD_PROVIDER, &[SubjectSpec::Account("cloud-provider")]),
    ),
    (
        KUBE_SYSTEM,
        bind(TOKEN_CLEANER, &[SubjectSpec::Account("token-cleaner")]),
    ),
    (
        KUBE_PUBLIC,
        bind(
            BOOTSTRAP_SIGNER,
            &[SubjectSpec::Account("bootstrap-signer")],
        ),
    ),
];

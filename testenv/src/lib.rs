//! A Kubernetes API server for each test, in the test's own process.
//!
//! ```
//! # use portcullis_testenv::TestEnv;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let env = TestEnv::start().await?;
//! let alice = env.user("alice", &["developers"])?;
//! assert!(alice.kubeconfig().contains(env.url()));
//! // kubectl, and everything else that reads it:
//! println!("KUBECONFIG={}", env.kubeconfig_path().display());
//! env.stop().await;
//! # Ok::<_, portcullis_testenv::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `kube`, `TestEnv::client` and `User::client` make clients of kube-rs:
//!
#![cfg_attr(feature = "kube", doc = "```")]
#![cfg_attr(not(feature = "kube"), doc = "```text")]
//! use k8s_openapi::api::core::v1::Namespace;
//! use kube::api::{Api, ListParams};
//! # use portcullis_testenv::TestEnv;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let env = TestEnv::builder().flag("--authorization-mode=RBAC").start().await?;
//! let namespaces: Api<Namespace> = Api::all(env.client().await?);
//! assert!(!namespaces.list(&ListParams::default()).await?.items.is_empty());
//! // may do nothing yet
//! let namespaces: Api<Namespace> = Api::all(env.user("alice", &[])?.client().await?);
//! assert!(namespaces.list(&ListParams::default()).await.is_err());
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Each environment has a thread of its own, so that a test may block; a store in memory; a directory for
//! the kubeconfig, which is removed at the end; and a free port on loopback. Nothing of it is shared
//! with other environments, and nothing is left when it is dropped.

mod builder;
#[cfg(feature = "kube")]
mod client;
mod definitions;
mod environment;
mod error;
mod running;
mod user;

pub use self::builder::Builder;
pub use self::environment::TestEnv;
pub use self::error::Error;
pub use self::user::User;

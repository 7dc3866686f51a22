//! Custom resource definitions that an environment starts with.
//!
//! Upstream: `InstallCRDs` of controller-runtime's envtest.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::Method;
use portcullis::endpoints::body::yaml;
use portcullis::kubeconfig::client::{ApiClient, message};
use serde_json::Value;

use crate::environment::TestEnv;
use crate::error::Error;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const KIND: &str = "CustomResourceDefinition";
/// How long a definition may take to be established, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);

/// Creates the definitions in files and folders, and waits until they are established.
pub(crate) async fn apply(env: &TestEnv, paths: &[PathBuf]) -> Result<(), Error> {
    if paths.is_empty() {
        return Ok(());
    }
    let requests = env.requests()?;
    let mut created = Vec::new();
    for path in paths {
        for file in files(path)? {
            for definition in read(&file)? {
                create(&requests, &file, &definition).await?;
                let name = definition["metadata"]["name"].as_str().unwrap_or_default();
                created.push((file.clone(), name.to_owned()));
            }
        }
    }
    for (file, name) in created {
        established(&requests, &file, &name).await?;
    }
    Ok(())
}

fn at_fault(path: &Path, why: &dyn Display) -> Error {
    Error::Definitions {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// The file itself, or those of a folder that may have definitions, in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = path.read_dir().map_err(|error| at_fault(path, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| at_fault(path, &error))?.path();
        let end = file.extension().and_then(|end| end.to_str());
        if matches!(end, Some("yaml" | "yml" | "json")) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The definitions in a file.
fn read(file: &Path) -> Result<Vec<Value>, Error> {
    let text = std::fs::read_to_string(file).map_err(|error| at_fault(file, &error))?;
    let mut definitions = Vec::new();
    for document in documents(&text) {
        let object = yaml(document.as_bytes()).map_err(|error| at_fault(file, &error))?;
        if object["kind"] == KIND {
            definitions.push(object);
        }
    }
    Ok(definitions)
}

/// The documents of a text, each without the line before it.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line.starts_with("---") {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    documents
}

async fn create(requests: &ApiClient, file: &Path, definition: &Value) -> Result<(), Error> {
    let body = definition.to_string().into_bytes();
    let reply = requests.send(Method::POST, DEFINITIONS, body).await?;
    match reply.code {
        200 | 201 => Ok(()),
        _ => Err(at_fault(file, &message(&reply))),
    }
}

async fn established(requests: &ApiClient, file: &Path, name: &str) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let found: Value = requests.get(&format!("{DEFINITIONS}/{name}")).await?;
        let conditions = found["status"]["conditions"].as_array();
        let conditions = conditions.into_iter().flatten();
        let is = |kind: &str, status: &str| {
            conditions
                .clone()
                .find(|condition| condition["type"] == kind && condition["status"] == status)
        };
        if is("Established", "True").is_some() {
            return Ok(());
        }
        if let Some(refused) = is("NamesAccepted", "False") {
            let why = refused["message"].as_str().unwrap_or_default();
            return Err(at_fault(file, &format!("{name} is not established: {why}")));
        }
        if begun.elapsed() > PATIENCE {
            return Err(at_fault(file, &format!("{name} is not established")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

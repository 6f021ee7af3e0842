//! Which server, which project, which namespace: from options, environment and project file, in this order.

pub(crate) mod file;

use strongroom_client::{Address, AddressSource};

use crate::context::Context;
use crate::errors::Failure;

/// Who named the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `--server`.
    Option,
    /// `STRONGROOM_URL`.
    Environment,
    /// `strongroom.json`.
    File,
}

/// The server to talk to; none means the local store.
pub(crate) fn address(context: &Context) -> Result<Option<(Address, NamedBy)>, Failure> {
    let globals = &context.globals;
    if globals.server.is_some() && globals.home.is_some() {
        return Err(Failure::usage("--server names a server and --home a local store; give one of them"));
    }
    let (text, named_by, source) = if let Some(server) = &globals.server {
        (server.clone(), NamedBy::Option, AddressSource::Person)
    } else if globals.home.is_some() {
        return Ok(None);
    } else if let Some(url) = context.environment.text("STRONGROOM_URL") {
        (url.to_owned(), NamedBy::Environment, AddressSource::Person)
    } else if let Some(server) = context.project_file()?.and_then(|file| file.content.server.clone()) {
        (server, NamedBy::File, AddressSource::File)
    } else {
        return Ok(None);
    };
    let place = match named_by {
        NamedBy::Option => "--server",
        NamedBy::Environment => "STRONGROOM_URL",
        NamedBy::File => "\"server\" in strongroom.json",
    };
    let address = Address::parse(&text, source).map_err(|error| Failure::usage(format!("{place}: {error}")))?;
    Ok(Some((address, named_by)))
}

/// The project to work on.
pub(crate) fn project(context: &Context) -> Result<String, Failure> {
    let named = match &context.globals.project {
        Some(project) => Some(project.clone()),
        None => context.project_file()?.and_then(|file| file.content.project.as_ref().map(ToString::to_string)),
    };
    let name = named.unwrap_or_else(|| "default".to_owned());
    let parsed: Result<strongroom_model::ProjectName, _> = name.parse();
    parsed.map(|_| name).map_err(|error| Failure::usage(error.to_string()))
}

/// The namespace in which workloads deploy, run and resolve.
pub(crate) fn workload_namespace(context: &Context, option: Option<&str>) -> Result<String, Failure> {
    let named = match option {
        Some(namespace) => Some(namespace.to_owned()),
        None => context.project_file()?.and_then(|file| file.content.namespace.as_ref().map(ToString::to_string)),
    };
    let name = named.unwrap_or_else(|| "default".to_owned());
    let parsed: Result<strongroom_model::NamespaceName, _> = name.parse();
    parsed.map(|_| name).map_err(|error| Failure::usage(error.to_string()))
}

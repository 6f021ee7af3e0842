//! `strongroom functions invoke`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};

use bytes::Bytes;
use clap::Args;
use http::{HeaderName, Method, header};
use strongroom_client::Invocation;

use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

/// What one call may carry.
const MAX_BODY_BYTES: u64 = 100 * 1024 * 1024;

#[derive(Args)]
pub(crate) struct InvokeArgs {
    /// The function's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The body: text, @FILE, or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    data: Option<String>,
    /// The method; POST with --data, else GET
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The path behind the function's name, with an optional query
    #[arg(long, value_name = "PATH", default_value = "")]
    path: String,
    /// A header; may be given several times
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &InvokeArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
    let body = args.data.as_deref().map(|data| body(context, data)).transpose()?;
    let mut headers = headers(&args.header)?;
    if let Some(body) = &body
        && !headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE)
    {
        headers.push((header::CONTENT_TYPE, content_type(body).to_owned()));
    }
    let invocation = Invocation {
        namespace: &namespace,
        name: &args.name,
        method: method(args.method.as_deref(), body.is_some())?,
        path: &path(&args.path)?,
        headers,
        body: body.unwrap_or_default(),
    };
    let session = context.connect()?;
    session.wait(async {
        let mut invoked = session.project().invoke(invocation).await?;
        let status = invoked.status;
        context.output.talk(format!("HTTP {} {}", status.as_u16(), status.canonical_reason().unwrap_or("")).trim_end());
        let mut ends_line = true;
        while let Some(chunk) = invoked.chunk().await? {
            ends_line = chunk.last().map_or(ends_line, |byte| *byte == b'\n');
            output::bytes(&chunk)?;
        }
        if !ends_line && io::stdout().is_terminal() {
            // only on the screen: the body itself is not changed
            output::bytes(b"\n")?;
        }
        Ok(if status.is_success() { Exit::DONE } else { Exit::FAILED })
    })
}

fn method(named: Option<&str>, has_body: bool) -> Result<Method, Failure> {
    match named {
        None if has_body => Ok(Method::POST),
        None => Ok(Method::GET),
        Some(name) => {
            name.to_ascii_uppercase().parse().map_err(|_| Failure::usage("--method takes a method such as POST"))
        }
    }
}

fn path(text: &str) -> Result<String, Failure> {
    let path = match text {
        "" => String::new(),
        text if text.starts_with('/') || text.starts_with('?') => text.to_owned(),
        text => format!("/{text}"),
    };
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&byte);
    if path.bytes().all(fits) {
        Ok(path)
    } else {
        Err(Failure::usage("--path is an encoded path, such as /users/1?full=true"))
    }
}

fn body(context: &Context, data: &str) -> Result<Bytes, Failure> {
    let unread = |error: &io::Error| Failure::usage("--data cannot be read").because(error);
    let mut bytes = Vec::new();
    let limit = MAX_BODY_BYTES + 1;
    let read = match data.strip_prefix('@') {
        _ if data == "-" => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        Some(path) => {
            File::open(context.working_dir.join(path)).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        }
        None => return Ok(Bytes::from(data.to_owned())),
    };
    let length = read.map_err(|error| unread(&error))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_BODY_BYTES) {
        Ok(Bytes::from(bytes))
    } else {
        Err(Failure::usage("--data is longer than 100 MB"))
    }
}

fn content_type(body: &[u8]) -> &'static str {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    match (is_json, str::from_utf8(body).is_ok()) {
        (true, _) => "application/json",
        (false, true) => "text/plain; charset=utf-8",
        (false, false) => "application/octet-stream",
    }
}

fn headers(words: &[String]) -> Result<Vec<(HeaderName, String)>, Failure> {
    let mut headers = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let wrong = || Failure::usage(format!("--header number {} is not NAME: VALUE", index + 1));
        let (name, value) = word.split_once(':').ok_or_else(wrong)?;
        headers.push((name.trim().parse().map_err(|_| wrong())?, value.trim().to_owned()));
    }
    Ok(headers)
}

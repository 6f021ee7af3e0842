//! `strongroom init`: a project file, a sample function, a sample job, and what git must not take.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use clap::Args;
use serde::Serialize;
use strongroom_model::ProjectName;
use strongroom_project::FILE_NAME;
use strongroom_runtime::locate;

use crate::config::file;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::Home;
use crate::opening::places;

const PROJECT_FILE: &str = include_str!("init/strongroom.json");
const SAMPLES: [(&str, &str); 2] =
    [("functions/hello.ts", include_str!("init/hello.ts")), ("jobs/greet-all.ts", include_str!("init/greet-all.ts"))];
/// Lines of `.gitignore`: values belong into the store. An example of the names may be shared.
const IGNORED: [&str; 2] = [".env*", "!.env.example"];

#[derive(Args)]
pub(crate) struct InitArgs {
    /// The project's name in strongroom.json; the project `default` if none is given
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// What was done, for programs.
#[derive(Debug, Default, Serialize)]
struct Done {
    project: String,
    written: Vec<String>,
    left: Vec<String>,
    next: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &InitArgs) -> Result<Exit, Failure> {
    let name = args.name.as_deref().map(str::parse::<ProjectName>).transpose();
    let name = name.map_err(|error| Failure::usage(error.to_string()))?;
    let folder = context.working_dir.as_path();
    let above = folder.parent().map(file::find).transpose()?.flatten();
    let mut done = Done::default();
    let is_new = write(folder, FILE_NAME, &project_file(name.as_ref()), &mut done)?;
    if is_new {
        SAMPLES.iter().try_for_each(|(path, text)| write(folder, path, text, &mut done).map(|_| ()))?;
    }
    ignore(folder, &mut done)?;
    let file = file::find(folder)?;
    let declared = file.as_ref().and_then(|file| file.content.project.as_ref()).map(ToString::to_string);
    done.project = declared.unwrap_or_else(|| "default".to_owned());
    done.next = next(context, is_new, &done.project);
    if let Some(name) = name.filter(|name| name.as_str() != done.project) {
        context
            .output
            .talk(&format!("note: the project is {}; for {name}, set \"project\" in {FILE_NAME}", done.project));
    }
    if let Some(above) = above {
        let path = above.path.display();
        context.output.talk(&format!("note: in this folder, strongroom.json here takes the place of {path}"));
    }
    if !context.output.is_for_people() {
        return context.output.structured(&done).map(|()| Exit::DONE);
    }
    done.written.iter().try_for_each(|path| context.output.done(&format!("✔ Wrote {path}")))?;
    done.left.iter().try_for_each(|path| context.output.done(&format!("• Left {path} as it is")))?;
    context.output.talk("\nNext:");
    done.next.iter().for_each(|command| context.output.talk(&format!("  {command}")));
    Ok(Exit::DONE)
}

fn project_file(name: Option<&ProjectName>) -> String {
    match name {
        Some(name) => PROJECT_FILE.replacen("{\n", &format!("{{\n  \"project\": \"{name}\",\n"), 1),
        None => PROJECT_FILE.to_owned(),
    }
}

/// Writes a file, unless something has its name. Whether it was written.
fn write(folder: &Path, path: &str, text: &str, done: &mut Done) -> Result<bool, Failure> {
    let failed = |error: &io::Error| Failure::failed(format!("{path} could not be written")).because(error);
    let full = folder.join(path);
    if let Some(parent) = full.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(&error))?;
    }
    match OpenOptions::new().write(true).create_new(true).open(&full) {
        Ok(mut file) => {
            // half a file would be left alone by the next init
            if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
                fs::remove_file(&full).ok();
                return Err(failed(&error));
            }
            done.written.push(path.to_owned());
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            done.left.push(path.to_owned());
            Ok(false)
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Adds what is missing at the end of `.gitignore`; what stands there stays.
fn ignore(folder: &Path, done: &mut Done) -> Result<(), Failure> {
    const PATH: &str = ".gitignore";
    let failed = |error: &io::Error| Failure::failed(format!("{PATH} could not be written")).because(error);
    let path = folder.join(PATH);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(&error)),
    };
    let has = |line: &&&str| before.lines().any(|there| there.trim() == **line);
    if IGNORED.first().is_some_and(|line| has(&line)) {
        done.left.push(PATH.to_owned());
        return Ok(());
    }
    let mut added = if before.is_empty() || before.ends_with('\n') { String::new() } else { "\n".to_owned() };
    added.extend(IGNORED.iter().filter(|line| !has(line)).map(|line| format!("{line}\n")));
    let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(|error| failed(&error))?;
    file.write_all(added.as_bytes()).map_err(|error| failed(&error))?;
    done.written.push(if before.is_empty() { PATH.to_owned() } else { format!("{} into {PATH}", IGNORED.join(", ")) });
    Ok(())
}

/// The next commands, each of which works as it stands.
fn next(context: &Context, has_samples: bool, project: &str) -> Vec<String> {
    let mut next = Vec::new();
    let home = Home::locate(context).ok();
    if locate::find(&places(context, home.as_ref().map(Home::path))).is_err() {
        next.push("strongroom runtime install".to_owned());
    }
    if project != "default" {
        next.push(format!("strongroom projects create {project}"));
    }
    let samples = [
        "strongroom secrets set GREETING Hi",
        "strongroom dev",
        "strongroom deploy",
        "strongroom functions invoke hello",
        "strongroom jobs run greet-all",
        "strongroom logs list",
    ];
    let plain = ["strongroom dev", "strongroom deploy"];
    next.extend((if has_samples { &samples[..] } else { &plain[..] }).iter().map(ToString::to_string));
    next
}

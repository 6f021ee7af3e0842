//! The guide and the README, line by line: every `console` block is run, and what stands below a command must be said.
//!
//! - A `ts`, `jsonc`, `json` or `dotenv` block whose first line is a comment with a file's name becomes that file.
//! - In a `console` block, a line that begins with `$ ` is run by a shell. A value is typed where one is asked for. The
//!   lines below must be said in that order; `…` stands for anything. A command fails exactly if `error:` stands below.
//! - `strongroom dev` goes on running until the page ends; the port that it got takes the place of 7878. What `curl` is
//!   answered may take a moment to be what the page shows, since `dev` reloads after a change.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{Ran, Way, World, program, until};

struct Block {
    language: String,
    lines: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), is_open) {
            (Some(language), false) => {
                blocks.push(Block { language: language.to_owned(), lines: Vec::new() });
                is_open = true;
            }
            (Some(_), true) => is_open = false,
            (None, true) => blocks.last_mut().expect("an open block").lines.push(line.to_owned()),
            (None, false) => {}
        }
    }
    blocks
}

/// The file that a block is, if its first line names one: `// charge.ts: what it shows`, `# .env`.
fn file_name(block: &Block) -> Option<&str> {
    let comment = block.lines.first()?.trim_start_matches(['/', '#']).trim_start();
    let name = comment.split([':', ' ']).next()?;
    let ends = [".ts", ".json", ".env"].iter().any(|end| name.ends_with(end));
    (ends && ["ts", "jsonc", "json", "dotenv"].contains(&block.language.as_str())).then_some(name)
}

/// A shell's line, with the environment of the world.
fn shell(world: &World, line: &str, typed: &str) -> Command {
    let template = world.command(&[]);
    let bin = Path::new(template.get_program()).parent().expect("a folder").to_owned();
    let path = program().get_envs().find_map(|(name, value)| (name == "PATH").then_some(value?.to_owned()));
    let path = format!("{}:{}", bin.display(), path.expect("a PATH").to_string_lossy());
    let mut shell = Command::new("sh");
    // what is said on both streams, in the order in which it is said
    shell.args(["-c", &format!("{{ {line}\n}} 2>&1")]).env_clear().current_dir(world.work());
    shell.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
    let input = world.write(".typed", format!("{typed}\n"));
    shell.stdin(Stdio::from(std::fs::File::open(input).expect("what is typed")));
    shell
}

/// Where `strongroom dev` answers unless the port is taken.
const DEV_PORT: &str = "7878";

/// `strongroom dev`, until the page ends.
struct Dev {
    child: Child,
    output: PathBuf,
    port: String,
}

impl Dev {
    fn start(world: &World) -> Self {
        let output = world.write("../dev.log", "");
        let file = || Stdio::from(std::fs::File::options().append(true).open(&output).expect("a file"));
        let mut command = shell(world, "exec strongroom dev --listen 127.0.0.1:0", "");
        let child = command.stdin(Stdio::null()).stdout(file()).stderr(file()).spawn().expect("dev starts");
        let mut dev = Self { child, output, port: String::new() };
        dev.port = until(|| {
            let said = dev.said();
            let address = said.lines().find_map(|line| line.strip_prefix("functions on http://127.0.0.1:"))?;
            Some(address.to_owned())
        });
        dev
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.output).expect("what dev says")
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        self.child.wait().ok();
    }
}

/// The first line that should have been said and was not.
fn lacks<'a>(shown: &[&'a str], said: &str) -> Option<&'a str> {
    let mut said = said.lines();
    shown.iter().find(|wanted| !said.any(|said| fits(wanted, said))).copied()
}

/// Whether a line that was said is the one that the page shows.
fn fits(shown: &str, said: &str) -> bool {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, said) = (squeeze(shown), squeeze(said));
    let parts: Vec<_> = shown.split('…').map(str::trim).collect();
    let Some(mut rest) = parts.first().and_then(|first| said.strip_prefix(first)) else { return false };
    for part in parts.iter().skip(1) {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.last().is_some_and(|last| parts.len() > 1 && last.is_empty())
}

/// The files of examples that a page may use.
const EXAMPLES: [&str; 6] = [
    "examples/hello/main.ts",
    "examples/hello/strongroom.json",
    "examples/shop/strongroom.json",
    "examples/shop/functions/checkout.ts",
    "examples/shop/jobs/receipts.ts",
    "examples/shop/web/server.mjs",
];

fn follow(path: &str, way: Way) {
    follow_in(path, &World::new(way));
}

/// Follows a page; afterwards the world has the files that it names.
pub(crate) fn follow_in(path: &str, world: &World) {
    let blocks = blocks(&page(path));
    let deploys = |block: &Block| {
        block.lines.iter().any(|line| line.contains("functions deploy") || line.contains("strongroom deploy"))
    };
    if blocks.iter().any(deploys) && world.ran(&["runtime", "status"]).exit != 0 {
        return;
    }
    for block in &blocks {
        if let Some(name) = file_name(block) {
            world.write(name, block.lines.join("\n"));
        }
    }
    for file in EXAMPLES {
        world.write(file, page(file));
    }
    let mut reader = Reader { path, world, dev: None, number: 0 };
    for block in blocks.iter().filter(|block| block.language == "console") {
        let mut lines = block.lines.iter().peekable();
        while let Some(line) = lines.next() {
            let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{path}: not a command: {line}"));
            let mut shown = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                shown.push(line.as_str());
            }
            shown.retain(|line| !line.is_empty());
            reader.types(command, &shown);
        }
    }
    assert!(reader.number > 0, "{path} has commands");
}

/// Who follows a page.
struct Reader<'a> {
    path: &'a str,
    world: &'a World,
    dev: Option<Dev>,
    number: usize,
}

impl Reader<'_> {
    /// Types a command; the lines must be said.
    fn types(&mut self, command: &str, shown: &[&str]) {
        let (path, number) = (self.path, self.number + 1);
        self.number = number;
        let fails = shown.iter().any(|line| line.starts_with("error:"));
        if command == "strongroom dev" && !fails {
            let dev = self.dev.insert(Dev::start(self.world));
            let said = dev.said().replace(&dev.port, DEV_PORT);
            assert_eq!(lacks(shown, &said), None, "{path}: {command}: {said}");
            return;
        }
        let port = self.dev.as_ref().map_or(DEV_PORT, |dev| &dev.port);
        let line = command.replace(DEV_PORT, port);
        let run = || Ran::of(&mut shell(self.world, &line, &format!("sk_live_typed_{number}")));
        let ran = if command.starts_with("curl ") {
            let deadline = Instant::now() + Duration::from_secs(30);
            std::iter::repeat_with(run)
                .find(|ran| {
                    let done = lacks(shown, &ran.stdout).is_none() || Instant::now() > deadline;
                    if !done {
                        std::thread::sleep(Duration::from_millis(500));
                    }
                    done
                })
                .expect("an endless sequence")
        } else {
            run()
        };
        let dev = self.dev.as_ref().map(Dev::said).unwrap_or_default();
        assert_eq!(ran.exit != 0, fails, "{path}: {command}: {}\n{dev}", ran.stdout);
        assert_eq!(lacks(shown, &ran.stdout), None, "{path}: {command}: {}\n{dev}", ran.stdout);
    }
}

#[test]
fn the_readme_is_true() {
    follow("README.md", Way::InProcess);
    follow("README.md", Way::Socket);
}

#[test]
fn the_page_about_the_first_day_is_true() {
    follow("docs/guide/getting-started.md", Way::InProcess);
}

#[test]
fn the_page_about_the_examples_is_true() {
    follow("examples/README.md", Way::InProcess);
}

#[test]
fn the_page_about_secrets_is_true() {
    follow("docs/guide/secrets.md", Way::InProcess);
}

#[test]
fn the_page_about_node_is_true() {
    follow("docs/guide/node.md", Way::InProcess);
    follow("docs/guide/node.md", Way::Http);
}

#[test]
fn the_page_about_jobs_is_true() {
    follow("docs/guide/jobs.md", Way::InProcess);
    follow("docs/guide/jobs.md", Way::Http);
}

#[test]
fn the_page_about_functions_is_true() {
    follow("docs/guide/functions.md", Way::InProcess);
    follow("docs/guide/functions.md", Way::Http);
}

#[test]
fn every_command_of_the_end_users_page_says_what_the_page_says() {
    follow("docs/guide/end-users.md", Way::InProcess);
    follow("docs/guide/end-users.md", Way::Http);
}

#[test]
fn the_page_about_local_development_is_true() {
    follow("docs/guide/dev.md", Way::InProcess);
}

#[test]
fn the_page_about_apps_is_true() {
    follow("docs/guide/apps.md", Way::InProcess);
    follow("docs/guide/apps.md", Way::Socket);
}

#[test]
fn the_page_about_links_works() {
    follow("docs/guide/links.md", Way::InProcess);
}

#[test]
fn the_page_about_access_works() {
    follow("docs/guide/access.md", Way::InProcess);
}

#[test]
fn the_page_about_the_audit_trail_is_true() {
    follow("docs/guide/audit.md", Way::InProcess);
    follow("docs/guide/audit.md", Way::Http);
}

#[test]
fn the_page_about_logs_is_true() {
    follow("docs/guide/logs.md", Way::InProcess);
}

#[test]
fn the_page_about_typescript_is_true() {
    World::each(|world| follow_in("docs/guide/typescript.md", world));
}

#[test]
fn the_page_about_agents_is_true() {
    follow("docs/guide/agents.md", Way::InProcess);
    follow("docs/guide/agents.md", Way::Http);
}

#[test]
fn the_skill_for_agents_is_true() {
    World::each(|world| follow_in("plugin/skills/app-secrets/SKILL.md", world));
}

#[test]
fn the_page_about_configuration_is_true() {
    follow("docs/guide/configuration.md", Way::InProcess);
}

#[test]
fn the_page_about_workloads_is_true() {
    follow("docs/guide/workloads.md", Way::InProcess);
}

#[test]
fn the_page_about_sign_in_with_a_provider_is_true() {
    follow("docs/guide/sign-in.md", Way::InProcess);
}

#[test]
fn the_security_page_says_what_happens() {
    follow("docs/guide/security-practices.md", Way::InProcess);
}

#[test]
fn the_page_for_newcomers_is_true() {
    follow("docs/guide/coming-from.md", Way::InProcess);
    follow("docs/guide/coming-from.md", Way::Http);
}

/// Words of the form `--option`, `STRONGROOM_NAME` or `` `key` `` in a text.
fn words(text: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-$".contains(letter);
    let mut words: Vec<_> =
        text.split(|letter| !is_part(letter)).filter(|word| fits(word)).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

#[test]
fn the_page_about_configuration_has_every_option_variable_and_key() {
    let world = World::new(Way::InProcess);
    let page = page("docs/guide/configuration.md");
    let mut wanted = words(&world.does(&["server", "--help"]).stdout, |word| word.starts_with("--") && word.len() > 2);
    let sources = ["crates/strongroom/src", "crates/strongroom/src/commands", "crates/strongroom/src/config"];
    for folder in sources {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder").flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let is_variable = |word: &str| word.starts_with("STRONGROOM_") && !word.ends_with('_');
            wanted.extend(words(&text, is_variable));
        }
    }
    let schema: serde_json::Value = serde_json::from_str(&world.does(&["schema"]).stdout).expect("a schema");
    let definitions = schema["$defs"].as_object().expect("definitions").values();
    for object in definitions.chain([&schema]) {
        let keys = object["properties"].as_object().expect("keys").keys();
        wanted.extend(keys.map(|key| format!("`{key}`")));
    }
    wanted.sort();
    wanted.dedup();
    assert!(wanted.len() > 30, "{wanted:?}");
    wanted.retain(|word| !page.contains(word.as_str()));
    assert_eq!(wanted, Vec::<String>::new(), "docs/guide/configuration.md lacks these");
}

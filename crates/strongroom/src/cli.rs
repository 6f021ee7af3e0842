//! The command line: every command on one page.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output::{self, Format};

/// Keeps a team's secrets encrypted and hands them to exactly the code that needs them.
#[derive(Parser)]
#[command(name = "strongroom", version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
pub(crate) struct Globals {
    /// The server's address; else `STRONGROOM_URL`, else "server" in strongroom.json, else the local store
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The data directory of the local store; else `STRONGROOM_HOME`, else the platform's data directory
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// The project; else "project" in strongroom.json, else `default`
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Prints JSON, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How data is printed
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Prints data and errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Prints without colours; so does the variable `NO_COLOR`
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begins a project here: strongroom.json with a sample function and job
    Init(commands::init::InitArgs),
    /// Sets, lists and changes secrets
    #[command(subcommand, visible_alias = "secret")]
    Secrets(commands::secrets::Command),
    /// Secrets of the system and of end users
    #[command(subcommand)]
    Settings(commands::settings::Command),
    /// Deploys and calls functions
    #[command(subcommand, visible_alias = "fn")]
    Functions(commands::functions::Command),
    /// Deploys everything that strongroom.json declares and that changed
    Deploy(commands::deploy::DeployArgs),
    /// Deploys background jobs, runs them, and shows their runs
    #[command(subcommand)]
    Jobs(commands::jobs::Command),
    /// Apps: backends that run elsewhere and get secrets
    #[command(subcommand)]
    Apps(commands::apps::Command),
    /// Runs a command with secrets in its environment
    Run(commands::run::RunArgs),
    /// Runs the project's functions, jobs and apps on this machine, with their secrets
    Dev(commands::dev::DevArgs),
    /// Projects and their settings
    #[command(subcommand)]
    Projects(commands::projects::Command),
    /// Namespaces, usually environments
    #[command(subcommand)]
    Namespaces(commands::namespaces::Command),
    /// Writes the project's names as TypeScript types
    Types(commands::types::TypesArgs),
    /// Accounts of people: invite, disable, delete
    #[command(subcommand, visible_alias = "user")]
    Users(commands::users::Command),
    /// Who is a member of the project, and as what
    #[command(subcommand, visible_alias = "member")]
    Members(commands::members::Command),
    /// Prints an address that signs one browser in as the local owner, once
    Open,
    /// Access tokens
    #[command(subcommand)]
    Tokens(commands::tokens::Command),
    /// Fill-in links: one-time addresses where a colleague without an account fills values in
    #[command(subcommand)]
    Links(commands::links::Command),
    /// Issuers whose tokens say who an end user is
    #[command(subcommand)]
    Issuers(commands::issuers::Command),
    /// Platforms (GitHub Actions, GitLab, Kubernetes …) whose workloads sign in with their own tokens
    #[command(subcommand, visible_alias = "trust")]
    Trusts(commands::trusts::Command),
    /// Logs of functions and of the server
    #[command(subcommand)]
    Logs(commands::logs::Command),
    /// Who did what
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Signs in to a server, and keeps that for it alone
    Login(commands::login::LoginArgs),
    /// Signs out of a server
    Logout,
    /// Who one is, and what one may do
    Whoami,
    /// Runs the server
    Server(Box<commands::server::ServerArgs>),
    /// What runs functions
    #[command(subcommand)]
    Runtime(commands::runtime::Command),
    /// Prints the JSON Schema of strongroom.json, for editors
    Schema,
    /// Looks for leaked values, keys, .env files and names that do not fit, in this folder
    Check(commands::check::CheckArgs),
    /// Looks for what is missing or unsafe
    Doctor,
    /// Serves coding agents: lists and declares secrets, never a value (Model Context Protocol)
    Mcp(commands::mcp::McpArgs),
    /// Prints a completion script for a shell
    Completions(commands::completions::CompletionsArgs),
}

/// Runs a command to its end.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => commands::init::run(context, &args),
        Command::Secrets(command) => commands::secrets::run(context, command),
        Command::Settings(command) => commands::settings::run(context, command),
        Command::Functions(command) => commands::functions::run(context, command),
        Command::Deploy(args) => commands::deploy::run(context, &args),
        Command::Jobs(command) => commands::jobs::run(context, command),
        Command::Apps(command) => commands::apps::run(context, command),
        Command::Run(args) => commands::run::run(context, &args),
        Command::Dev(args) => commands::dev::run(context, args),
        Command::Projects(command) => commands::projects::run(context, command),
        Command::Namespaces(command) => commands::namespaces::run(context, command),
        Command::Types(args) => commands::types::run(context, &args),
        Command::Users(command) => commands::users::run(context, command),
        Command::Members(command) => commands::members::run(context, command),
        Command::Open => commands::open::run(context),
        Command::Tokens(command) => commands::tokens::run(context, command),
        Command::Links(command) => commands::links::run(context, command),
        Command::Issuers(command) => commands::issuers::run(context, command),
        Command::Trusts(command) => commands::trusts::run(context, command),
        Command::Logs(command) => commands::logs::run(context, command),
        Command::Audit(command) => commands::audit::run(context, command),
        Command::Login(args) => commands::login::login(context, &args),
        Command::Logout => commands::login::logout(context),
        Command::Whoami => commands::whoami::run(context),
        Command::Server(args) => commands::server::run(context, &args),
        Command::Runtime(command) => commands::runtime::run(context, command),
        Command::Schema => output::bytes(strongroom_project::schema().as_bytes()).map(|()| Exit::DONE),
        Command::Check(args) => commands::check::run(context, &args),
        Command::Doctor => commands::doctor::run(context),
        Command::Mcp(args) => commands::mcp::run(context, &args),
        Command::Completions(args) => commands::completions::run(&args),
    }
}

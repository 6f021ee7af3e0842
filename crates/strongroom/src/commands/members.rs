//! `strongroom members`.

use clap::{Args, Subcommand};
use strongroom_api::people::{MemberChange, PutMember};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the project's members
    #[command(visible_alias = "ls")]
    List,
    /// Makes somebody who has an account a member, or gives a member another role
    #[command(visible_alias = "set")]
    Add(AddArgs),
    /// Ends memberships, and with them sessions and minted tokens
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The account's name
    #[arg(value_name = "NAME")]
    name: String,
    /// owner, admin, developer or viewer
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Limits the membership to a namespace; may be given several times
    #[arg(long, value_name = "NAME")]
    namespace: Vec<String>,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// The accounts' names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let (project, output) = (session.project(), &context.output);
    match command {
        Command::List => {
            let members = session.wait(project.members())?;
            if !output.is_for_people() {
                return output.structured(&members).map(|()| Exit::DONE);
            }
            let now = (context.now)();
            let rows = members.iter().map(|member| {
                let namespaces =
                    if member.namespaces.is_empty() { "all".to_owned() } else { member.namespaces.join(",") };
                let state = if member.disabled { "disabled" } else { "active" };
                [member.name.clone(), member.role.clone(), namespaces, state.to_owned(), ago(now, member.created_at)]
            });
            let none = "there are no members; add one: strongroom members add NAME --role ROLE";
            output.table(["NAME", "ROLE", "NAMESPACES", "STATE", "SINCE"], rows.collect(), none)?;
        }
        Command::Add(args) => {
            session.name_place(context);
            let body = PutMember { role: args.role, namespaces: args.namespace };
            let change = session.wait(project.put_member(&args.name, &body))?;
            let word = match change.status.as_str() {
                "added" => "✔ Member added",
                "unchanged" => "• Unchanged",
                _ => "✔ Member changed",
            };
            output.answer(&change, &format!("{word}: {} ({})", change.member.name, change.member.role))?;
            told(context, &change);
        }
        Command::Remove(args) => {
            session.name_place(context);
            let mut removed = Vec::new();
            for name in &args.names {
                let change = session.wait(project.remove_member(name))?;
                output.done(&format!("✔ Member removed: {}", change.member.name))?;
                told(context, &change);
                removed.push(change);
            }
            if !output.is_for_people() {
                output.structured(&removed)?;
            }
        }
    }
    Ok(Exit::DONE)
}

/// What else ended with the change.
fn told(context: &Context, change: &MemberChange) {
    if matches!(change.status.as_str(), "changed" | "removed") {
        let tokens = change.revoked_tokens;
        context.output.talk(&format!("{} was signed out everywhere; tokens revoked: {tokens}", change.member.name));
    }
}
